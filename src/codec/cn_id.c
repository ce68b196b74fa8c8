#include "codec/cn_id.h"

#include "codec/time.h"

/* Place in 0-9 A-Z, or -1. */
static int value36(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : -1;
}

static bool all_digits(struct qf_slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return true;
}

/* One step of MOD 37,36: what is carried on behind a character of this value. */
static int mod37_36_step(int carried, int value)
{
    int sum = (carried + value) % 36;
    return (sum == 0 ? 36 : sum) * 2 % 37;
}

static char mod37_36_last(int carried)
{
    return "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(37 - carried) % 36];
}

char qf_mod37_36_check(struct qf_slice text)
{
    int carried = 36;
    for (size_t i = 0; i < text.size; i++) {
        int value = value36(text.data[i]);
        if (value < 0)
            return '\0';
        carried = mod37_36_step(carried, value);
    }
    return text.size == 0 ? '\0' : mod37_36_last(carried);
}

/* GB 11714: eight characters with weights, modulo 11; the ninth makes the sum whole. */
static bool organisation_code_valid(const uint8_t code[9])
{
    static const int weights[8] = {3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0;
    for (size_t i = 0; i < 8; i++)
        sum += value36(code[i]) * weights[i];
    return code[8] == (uint8_t) "0X987654321"[sum % 11];
}

bool qf_credit_code_valid(struct qf_slice text)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    static const int weights[17] = {1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28};
    if (text.size != QF_CREDIT_CODE_SIZE || !all_digits(qf_slice_make(text.data + 2, 6)))
        return false;
    int sum = 0;
    int value = 0;
    for (size_t i = 0; i < QF_CREDIT_CODE_SIZE; i++) {
        const char *found = text.data[i] == '\0' ? NULL : strchr(alphabet, text.data[i]);
        if (found == NULL)
            return false;
        value = (int)(found - alphabet);
        sum += i < 17 ? value * weights[i] : 0;
    }
    return value == (31 - sum % 31) % 31 && organisation_code_valid(text.data + 8);
}

static bool birth_date_valid(const uint8_t digits[8])
{
    int numbers[8];
    for (size_t i = 0; i < 8; i++)
        numbers[i] = digits[i] - '0';
    struct qf_time_fields date = {
        .year = numbers[0] * 1000 + numbers[1] * 100 + numbers[2] * 10 + numbers[3],
        .month = numbers[4] * 10 + numbers[5],
        .day = numbers[6] * 10 + numbers[7],
    };
    return date.year >= 1800 && qf_time_fields_valid(&date);
}

bool qf_citizen_id_valid(struct qf_slice text)
{
    if (text.size != QF_CITIZEN_ID_SIZE || !all_digits(qf_slice_make(text.data, 17)) ||
        text.data[0] == '0' || !birth_date_valid(text.data + 6))
        return false;
    /* ISO 7064 MOD 11-2: doubling and adding, modulo 11. */
    int rest = 0;
    for (size_t i = 0; i < 17; i++)
        rest = (rest + (text.data[i] - '0')) * 2 % 11;
    return text.data[17] == (uint8_t) "10X98765432"[rest];
}

/* The part up to the next dot, which is taken as well. */
static bool take_part(struct qf_slice *rest, struct qf_slice *part, size_t size_min,
                      size_t size_max, int *carried)
{
    const uint8_t *dot = rest->size == 0 ? NULL : memchr(rest->data, '.', rest->size);
    if (dot == NULL)
        return false;
    size_t size = (size_t)(dot - rest->data);
    if (size < size_min || size > size_max)
        return false;
    *part = qf_slice_make(rest->data, size);
    *rest = qf_slice_make(dot + 1, rest->size - size - 1);
    for (size_t i = 0; i < size; i++) {
        int value = value36(part->data[i]);
        if (value < 0)
            return false;
        *carried = mod37_36_step(*carried, value);
    }
    return true;
}

bool qf_licence_id_parse(struct qf_licence_id *out, struct qf_slice text)
{
    struct qf_slice root = qf_slice_of("1.2.156.3005.2.");
    if (text.size > root.size && memcmp(text.data, root.data, root.size) == 0)
        text = qf_slice_make(text.data + root.size, text.size - root.size);
    int carried = 36;
    if (!take_part(&text, &out->type, QF_LICENCE_TYPE_SIZE, QF_LICENCE_TYPE_SIZE, &carried) ||
        !take_part(&text, &out->issuer, 1, QF_LICENCE_PART_SIZE_MAX, &carried) ||
        !take_part(&text, &out->serial, 1, QF_LICENCE_PART_SIZE_MAX, &carried) ||
        !take_part(&text, &out->version, 3, 3, &carried) || !all_digits(out->version) ||
        text.size != 1)
        return false;
    out->check = (char)text.data[0];
    return out->check == mod37_36_last(carried);
}
