/* Whether an address is this computer's own, where no proxy of the environment can reach it. */
#ifndef QF_API_THIS_COMPUTER_H
#define QF_API_THIS_COMPUTER_H

#include <stdbool.h>

/* A host as it stands in a URL: localhost, [::1], 127.x.x.x. */
bool qf_is_this_computer(const char *host);

/* Lets a libcurl handle (CURL *) go to `url` without a proxy where it is of this computer; to
 * others it goes as the environment says (http_proxy, no_proxy, ...). */
void qf_curl_skip_proxy(void *curl, const char *url);

#endif
