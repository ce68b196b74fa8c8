/* Conditional requests (RFC 9110 13): an answer to GET carries a strong entity tag over its bytes,
 * and who has them already is told so with 304 instead of them. */
#ifndef QF_API_ETAG_H
#define QF_API_ETAG_H

#include "api/http.h"

/* Puts ETag, and Cache-Control: no-cache unless the handler said something else, on an answer with
 * status 200 that is whole and may be stored; turns it into 304 when If-None-Match has the tag. */
void qf_http_tag(struct qf_http_exchange *exchange);

/* Whether the field value of If-None-Match holds the tag (weak comparison, RFC 9110 8.8.3.2). */
QF_MUST_CHECK bool qf_etag_listed(const char *list, const char *tag);

#endif
