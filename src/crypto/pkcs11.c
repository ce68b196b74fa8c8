/* Keys in a token, through OpenSSL's engine of libp11 (Debian: libengine-pkcs11-openssl).
 * OpenSSL 3.0 has deprecated engines, and Debian 12 packages no PKCS#11 provider that could take
 * their place; everything that knows of the engine is in this file.
 *
 * The engine is loaded once a process and stays: its module keeps its own threads and sessions, and
 * C_Finalize would pull them from under other keys. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <unistd.h>

#include "base/bytes.h"
#include "crypto/key_internal.h"

#define URI_SIZE_MAX 1024
#define PIN_SIZE_MAX 255
#define MODULE_PATH_SIZE_MAX 512
#define CKR_PIN_FIRST 0xa0 /* PKCS #11 2.40: CKR_PIN_INCORRECT to CKR_PIN_LOCKED */
#define CKR_PIN_LAST 0xa4

static pthread_mutex_t engine_lock = PTHREAD_MUTEX_INITIALIZER;
static ENGINE *engine;
static char engine_module[MODULE_PATH_SIZE_MAX + 1];

struct pin {
    char text[PIN_SIZE_MAX + 1];
    size_t size;
    bool asked; /* a second try with the same PIN would only bring the token nearer to its lock */
};

/* A URI taken apart: what names the key, and the query attributes that are ours to act on. */
struct token_uri {
    char key[URI_SIZE_MAX + 1];
    char module_path[MODULE_PATH_SIZE_MAX + 1];
    char pin_source[URI_SIZE_MAX + 1];
    char pin_value[PIN_SIZE_MAX + 1];
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool percent_decode(char *out, size_t size_max, const char *text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        int value = (uint8_t)text[i];
        if (text[i] == '%') {
            int high = i + 2 < size ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < size ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            value = high * 16 + low;
            i += 2;
        }
        if (value == 0 || used == size_max)
            return false;
        out[used++] = (char)value;
    }
    out[used] = '\0';
    return true;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* One attribute of the query. Those that are not known are left alone (RFC 7512 2.4). */
static enum qf_status read_query(struct token_uri *uri, const char *text, size_t size,
                                 struct qf_error *err)
{
    const struct {
        const char *prefix;
        char *out;
        size_t size_max;
    } known[] = {
        {"module-path=", uri->module_path, MODULE_PATH_SIZE_MAX},
        {"pin-source=", uri->pin_source, URI_SIZE_MAX},
        {"pin-value=", uri->pin_value, PIN_SIZE_MAX},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t skip = strlen(known[i].prefix);
        if (size < skip || memcmp(text, known[i].prefix, skip) != 0)
            continue;
        if (!percent_decode(known[i].out, known[i].size_max, text + skip, size - skip))
            return qf_fail(err, QF_MALFORMED, "uri", "the value of %sis not well-formed",
                           known[i].prefix);
    }
    return QF_OK;
}

static enum qf_status parse_uri(struct token_uri *out, const char *uri, struct qf_error *err)
{
    *out = (struct token_uri){0};
    if (!starts_with(uri, "pkcs11:"))
        return qf_fail(err, QF_MALFORMED, "uri", "a token's key is named by pkcs11:… (RFC 7512)");
    size_t size = strlen(uri);
    if (size > URI_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "uri", "at most %d bytes", URI_SIZE_MAX);
    size_t path_size = strcspn(uri, "?");
    memcpy(out->key, uri, path_size);
    out->key[path_size] = '\0';
    if (strstr(out->key, "object=") == NULL && strstr(out->key, "id=") == NULL)
        return qf_fail(err, QF_MALFORMED, "uri", "object= or id= must name the key");
    for (const char *at = uri + path_size; *at != '\0';) {
        at++;
        size_t part = strcspn(at, "&");
        enum qf_status status = read_query(out, at, part, err);
        if (status != QF_OK)
            return status;
        at += part;
    }
    return QF_OK;
}

static enum qf_status read_pin_file(struct pin *pin, const char *source, struct qf_error *err)
{
    const char *path = starts_with(source, "file://") ? source + strlen("file://")
                       : starts_with(source, "file:") ? source + strlen("file:")
                                                      : source;
    if (path[0] != '/')
        return qf_fail(err, QF_MALFORMED, "uri", "pin-source must be an absolute path");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return qf_fail(err, QF_IO, path, "the PIN cannot be read: %s", strerrordesc_np(errno));
    ssize_t got = read(fd, pin->text, PIN_SIZE_MAX);
    close(fd);
    if (got < 0)
        return qf_fail(err, QF_IO, path, "the PIN cannot be read");
    pin->text[got] = '\0';
    pin->size = strcspn(pin->text, "\r\n");
    pin->text[pin->size] = '\0';
    return QF_OK;
}

static enum qf_status choose_pin(struct pin *out, const struct token_uri *uri, struct qf_slice pin,
                                 struct qf_error *err)
{
    if (uri->pin_source[0] != '\0')
        return read_pin_file(out, uri->pin_source, err);
    if (pin.size == 0)
        pin = qf_slice_of(uri->pin_value);
    if (pin.size > PIN_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "pin", "a PIN has at most %d bytes", PIN_SIZE_MAX);
    if (pin.size > 0)
        memcpy(out->text, pin.data, pin.size);
    out->size = pin.size;
    return QF_OK;
}

static int answer_pin(UI *ui, UI_STRING *question)
{
    struct pin *pin = UI_get0_user_data(ui);
    if (pin == NULL || pin->asked || pin->size == 0)
        return 0;
    pin->asked = true;
    return UI_set_result(ui, question, pin->text) == 0;
}

static enum qf_status load_engine(const char *module_path, struct qf_error *err)
{
    if (engine != NULL) {
        if (module_path[0] != '\0' && strcmp(module_path, engine_module) != 0)
            return qf_fail(err, QF_WRONG_STATE, "uri",
                           "this process already uses another PKCS#11 module");
        return QF_OK;
    }
    ENGINE *loaded = ENGINE_by_id("pkcs11");
    if (loaded == NULL)
        return qf_evp_fail(err, QF_CRYPTO, "uri",
                           "OpenSSL's pkcs11 engine is missing (libengine-pkcs11-openssl)");
    /* The engine loads its module at first use and then says only that there is no key. */
    void *module = module_path[0] != '\0' ? dlopen(module_path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (module_path[0] != '\0' && (module == NULL || dlsym(module, "C_GetFunctionList") == NULL)) {
        ENGINE_free(loaded);
        return qf_fail(err, QF_CRYPTO, "uri", "%.160s is not a PKCS#11 module that can be loaded",
                       module_path);
    }
    bool good = ENGINE_ctrl_cmd_string(loaded, "QUIET", NULL, 1) == 1 &&
                (module_path[0] == '\0' ||
                 ENGINE_ctrl_cmd_string(loaded, "MODULE_PATH", module_path, 0) == 1) &&
                ENGINE_init(loaded) == 1;
    if (!good) {
        ENGINE_free(loaded);
        return qf_evp_fail(err, QF_CRYPTO, "uri", "the PKCS#11 module could not be loaded");
    }
    memcpy(engine_module, module_path, strlen(module_path) + 1);
    engine = loaded;
    return QF_OK;
}

/* Why no key came: the engine leaves the token's answers in OpenSSL's queue. */
static enum qf_status explain(const struct pin *pin, struct qf_error *err)
{
    for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
        int reason = ERR_GET_REASON(code);
        if (ERR_GET_LIB(code) >= ERR_LIB_USER && reason >= CKR_PIN_FIRST &&
            reason <= CKR_PIN_LAST) {
            ERR_clear_error();
            return qf_fail(err, QF_PASSPHRASE, "pin", "the token refuses the PIN");
        }
    }
    if (pin->size == 0)
        return qf_fail(err, QF_PASSPHRASE, "pin", "no such private key without a PIN");
    return qf_fail(err, QF_NOT_FOUND, "uri", "the token holds no such private key");
}

static enum qf_status load_key(struct qf_private_key **out, const char *key, struct pin *pin,
                               struct qf_error *err)
{
    UI_METHOD *method = UI_create_method("PIN");
    if (method == NULL || UI_method_set_reader(method, answer_pin) != 0) {
        UI_destroy_method(method);
        return qf_fail(err, QF_NO_MEMORY, "pin", "no memory");
    }
    ERR_clear_error();
    EVP_PKEY *pkey = ENGINE_load_private_key(engine, key, method, pin);
    UI_destroy_method(method);
    if (pkey == NULL)
        return explain(pin, err);
    enum qf_status status = qf_key_wrap(out, pkey, true, err);
    ERR_clear_error();
    return status;
}

enum qf_status qf_private_key_open_pkcs11(struct qf_private_key **out, const char *uri,
                                          struct qf_slice pin, struct qf_error *err)
{
    *out = NULL;
    struct token_uri parsed;
    struct pin chosen = {0};
    enum qf_status status = parse_uri(&parsed, uri, err);
    if (status == QF_OK)
        status = choose_pin(&chosen, &parsed, pin, err);
    if (status == QF_OK) {
        QF_ASSERT(pthread_mutex_lock(&engine_lock) == 0);
        status = load_engine(parsed.module_path, err);
        if (status == QF_OK)
            status = load_key(out, parsed.key, &chosen, err);
        QF_ASSERT(pthread_mutex_unlock(&engine_lock) == 0);
    }
    qf_wipe(&chosen, sizeof chosen);
    qf_wipe(&parsed, sizeof parsed);
    return status;
}
