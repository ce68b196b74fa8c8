#include "api/this_computer.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>

bool qf_is_this_computer(const char *host)
{
    struct in_addr four;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127);
}

void qf_curl_skip_proxy(void *curl, const char *url)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && qf_is_this_computer(host))
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_free(host);
    curl_url_cleanup(parts);
}
