/* The Java methods of the conformance kit's folder on external functions, without Java. */
#include "cli/rules.h"
#include "feel/number.h"

static struct qf_slice member_text(const struct qf_feel_value *context, const char *key)
{
    const struct qf_feel_value *value = qf_feel_get(context, qf_slice_of(key));
    if (value == NULL || value->kind != QF_FEEL_STRING)
        return (struct qf_slice){NULL, 0};
    return qf_feel_slice(value);
}

/* cos x: x is brought below 2π, then the series; 34 digits are far more than a Java double has. */
static bool cosine(struct qf_feel_value *out, const struct qf_feel_value *x)
{
    struct qf_feel_value turn;
    struct qf_feel_value rest;
    struct qf_feel_value square;
    struct qf_feel_value term = qf_feel_int(1);
    struct qf_feel_value sum = qf_feel_int(1);
    if (!qf_feel_number_parse(&turn, qf_slice_of("6.283185307179586476925286766559006")) ||
        !qf_feel_number_modulo(&rest, x, &turn) || !qf_feel_number_mul(&square, &rest, &rest))
        return false;
    for (int64_t i = 1; i < 60; i++) {
        struct qf_feel_value divisor = qf_feel_int(-(2 * i - 1) * (2 * i));
        if (!qf_feel_number_mul(&term, &term, &square) ||
            !qf_feel_number_div(&term, &term, &divisor) || !qf_feel_number_add(&sum, &sum, &term))
            return false;
    }
    return qf_feel_number_round(out, &sum, 16, QF_FEEL_ROUND_HALF_EVEN);
}

static bool greatest(struct qf_feel_value *out, const struct qf_feel_value *args, uint32_t count,
                     bool largest)
{
    if (count != 2 || args[0].kind != QF_FEEL_NUMBER || args[1].kind != QF_FEEL_NUMBER)
        return false;
    bool first = (qf_feel_compare(&args[0], &args[1]) > 0) == largest;
    *out = args[first ? 0 : 1];
    return true;
}

static bool call_math(struct qf_feel_value *out, struct qf_slice method,
                      const struct qf_feel_value *args, uint32_t count)
{
    struct qf_slice name = method;
    const uint8_t *open = memchr(method.data, '(', method.size);
    if (open != NULL)
        name.size = (size_t)(open - method.data);
    if (memmem(method.data, method.size, "String", 6) != NULL)
        return false;
    if (qf_slice_is(name, "max") || qf_slice_is(name, "min"))
        return greatest(out, args, count, qf_slice_is(name, "max"));
    return qf_slice_is(name, "cos") && count == 1 && args[0].kind == QF_FEEL_NUMBER &&
           cosine(out, &args[0]);
}

/* String.format with %s only. */
static bool format(struct qf_feel_value *out, struct qf_arena *arena,
                   const struct qf_feel_value *args, uint32_t count)
{
    if (count < 1 || args[0].kind != QF_FEEL_STRING)
        return false;
    struct qf_buf buf;
    qf_buf_init(&buf, 1 << 16);
    uint32_t used = 1;
    for (uint32_t i = 0; i < args[0].count; i++) {
        if (args[0].text[i] == '%' && i + 1 < args[0].count && args[0].text[i + 1] == 's' &&
            used < count) {
            qf_feel_write(&buf, &args[used++], false);
            i++;
        } else {
            qf_buf_put_byte(&buf, (uint8_t)args[0].text[i]);
        }
    }
    *out = qf_feel_text(qf_arena_copy(arena, qf_buf_slice(&buf)));
    bool good = !buf.failed;
    qf_buf_deinit(&buf);
    return good;
}

static bool call_string(struct qf_feel_value *out, struct qf_arena *arena, struct qf_slice method,
                        const struct qf_feel_value *args, uint32_t count)
{
    if (qf_slice_is(method, "valueOf(char)")) {
        bool one = count == 1 && args[0].kind == QF_FEEL_STRING && args[0].count == 1;
        if (one)
            *out = args[0];
        return one;
    }
    return method.size > 7 && memcmp(method.data, "format(", 7) == 0 &&
           format(out, arena, args, count);
}

/* valueOf of the number classes: from text, or of a number as it is. */
static bool call_number(struct qf_feel_value *out, struct qf_slice method,
                        const struct qf_feel_value *args, uint32_t count)
{
    if (count != 1 || method.size < 8 || memcmp(method.data, "valueOf(", 8) != 0)
        return false;
    if (args[0].kind == QF_FEEL_STRING)
        return qf_feel_number_parse(out, qf_feel_slice(&args[0]));
    *out = args[0];
    return args[0].kind == QF_FEEL_NUMBER;
}

bool qf_rules_java(void *self, struct qf_feel_value *out, struct qf_arena *arena,
                   const struct qf_feel_value *definition, const struct qf_feel_value *args,
                   uint32_t count)
{
    (void)self;
    const struct qf_feel_value *java = qf_feel_get(definition, qf_slice_of("java"));
    const struct qf_feel_value *target = java == NULL ? definition : java;
    struct qf_slice class_name = member_text(target, "class");
    struct qf_slice method = member_text(target, "method signature");
    *out = qf_feel_null();
    if (class_name.size < 10 || memcmp(class_name.data, "java.lang.", 10) != 0 || method.size == 0)
        return false;
    struct qf_slice name = qf_slice_make(class_name.data + 10, class_name.size - 10);
    if (qf_slice_is(name, "Math"))
        return call_math(out, method, args, count);
    if (qf_slice_is(name, "String"))
        return call_string(out, arena, method, args, count);
    static const char *const numbers[] = {"Integer", "Short", "Byte", "Long", "Float", "Double"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (qf_slice_is(name, numbers[i]))
            return call_number(out, method, args, count);
    return false;
}
