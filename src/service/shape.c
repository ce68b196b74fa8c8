#include "service/shape.h"

#include <stdio.h>

#include "kernel/schema.h"

#define PATH_SIZE 512
#define DEPTH_MAX 8
#define NAME_MAX_SIZE 32 /* bytes of a member's name, and of members, in the tables */

struct walk {
    struct qf_folder *folder;
    const struct qf_folder_yaml *file;
    char path[PATH_SIZE];
    uint32_t found;
};

#define WRONG(w, ...)                                                                              \
    ((w)->found++, QF_FOLDER_ERROR((w)->folder, (w)->file->name, (w)->path,                        \
                                   qf_yaml_line(&(w)->file->yaml, (w)->path), __VA_ARGS__))

static void check(struct walk *w, const struct qf_shape *shape, const struct qf_json *value,
                  unsigned depth);

/* Goes down to a member or an item; gives the length to come back to. */
static size_t enter(struct walk *w, struct qf_slice name)
{
    size_t before = strlen(w->path);
    snprintf(w->path + before, sizeof w->path - before, "%s%.*s", before > 0 ? "." : "",
             (int)(name.size > 100 ? 100 : name.size), (const char *)name.data);
    return before;
}

static size_t enter_item(struct walk *w, uint32_t i)
{
    size_t before = strlen(w->path);
    snprintf(w->path + before, sizeof w->path - before, "[%u]", i);
    return before;
}

/* Changes of one letter that lead from one name to the other, as far as 3. */
static unsigned distance(struct qf_slice a, const char *b)
{
    unsigned before[NAME_MAX_SIZE + 1], now[NAME_MAX_SIZE + 1];
    size_t size = strlen(b);
    QF_ASSERT(size <= NAME_MAX_SIZE);
    if (a.size > size + 3 || size > a.size + 3)
        return 4;
    for (size_t k = 0; k <= size; k++)
        before[k] = (unsigned)k;
    for (size_t i = 0; i < a.size; i++) {
        now[0] = (unsigned)i + 1;
        for (size_t k = 0; k < size; k++) {
            unsigned least = before[k] + (a.data[i] != (uint8_t)b[k]);
            least = before[k + 1] + 1 < least ? before[k + 1] + 1 : least;
            now[k + 1] = now[k] + 1 < least ? now[k] + 1 : least;
        }
        memcpy(before, now, sizeof before);
    }
    return before[size];
}

/* The member that is most likely meant, which is not there itself; NULL: nobody knows. */
static const struct qf_shape_member *meant(const struct qf_shape *shape,
                                           const struct qf_json *value, struct qf_slice key)
{
    const struct qf_shape_member *best = NULL;
    unsigned least = key.size < 6 ? 2 : 3;
    for (const struct qf_shape_member *member = shape->members; member->name != NULL; member++) {
        unsigned far = distance(key, member->name);
        if (far < least && qf_json_get(value, member->name) == NULL) {
            least = far;
            best = member;
        }
    }
    return best;
}

static void tell_unknown(struct walk *w, const struct qf_shape *shape,
                         const struct qf_shape_member *member)
{
    char list[200] = "";
    size_t used = 0;
    if (member != NULL) {
        WRONG(w, "is not known here; is it %s that is meant?", member->name);
        return;
    }
    for (member = shape->members; member->name != NULL; member++) {
        int more =
            snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "", member->name);
        used += more > 0 && used + (size_t)more < sizeof list ? (size_t)more : 0;
    }
    WRONG(w, "is not known here; there may be: %s", list);
}

static void check_object(struct walk *w, const struct qf_shape *shape, const struct qf_json *value,
                         unsigned depth)
{
    uint64_t slips = 0; /* members that stand there under a name with a slip in it */
    if (value->type != QF_JSON_OBJECT) {
        WRONG(w, "must be a mapping of names and values");
        return;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const struct qf_shape_member *member = shape->members;
        while (member->name != NULL && !qf_slice_is(value->members[i].key, member->name))
            member++;
        size_t before = enter(w, value->members[i].key);
        if (member->name == NULL) {
            member = meant(shape, value, value->members[i].key);
            tell_unknown(w, shape, member);
            slips |= member == NULL ? 0 : 1ULL << (member - shape->members);
        } else {
            check(w, member->shape, &value->members[i].value, depth + 1);
        }
        w->path[before] = '\0';
    }
    for (const struct qf_shape_member *member = shape->members; member->name != NULL; member++)
        if (member->required && qf_json_get(value, member->name) == NULL &&
            (slips >> (member - shape->members) & 1) == 0)
            WRONG(w, "%s is missing", member->name);
}

static void check_list(struct walk *w, const struct qf_shape *shape, const struct qf_json *value,
                       unsigned depth)
{
    if (value->type != QF_JSON_ARRAY) {
        WRONG(w, "must be a list, such as [one, two]");
        return;
    }
    if (value->count < shape->min || value->count > shape->max)
        WRONG(w, "has %u items; %lld to %lld are allowed", value->count, (long long)shape->min,
              (long long)shape->max);
    for (uint32_t i = 0; i < value->count; i++) {
        size_t before = enter_item(w, i);
        check(w, shape->of, &value->items[i], depth + 1);
        w->path[before] = '\0';
    }
}

static void check_map(struct walk *w, const struct qf_shape *shape, const struct qf_json *value,
                      unsigned depth)
{
    if (value->type != QF_JSON_OBJECT) {
        WRONG(w, "must be a mapping of names and values");
        return;
    }
    if (value->count > shape->max)
        WRONG(w, "has %u members; at most %lld are allowed", value->count, (long long)shape->max);
    for (uint32_t i = 0; i < value->count; i++) {
        size_t before = enter(w, value->members[i].key);
        check(w, shape->of, &value->members[i].value, depth + 1);
        w->path[before] = '\0';
    }
}

static void check_choice(struct walk *w, const struct qf_shape *shape, const struct qf_json *value)
{
    char list[256] = "";
    size_t used = 0;
    for (const char *const *choice = shape->choices; *choice != NULL; choice++) {
        if (qf_json_is_text(value, *choice))
            return;
        int more = snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "", *choice);
        used += more > 0 && used + (size_t)more < sizeof list ? (size_t)more : 0;
    }
    WRONG(w, "must be one of %s", list);
}

static void check_text(struct walk *w, const struct qf_shape *shape, const struct qf_json *value)
{
    int64_t max = shape->max > 0 ? shape->max : QF_TEXT_SIZE_MAX;
    if (value->type == QF_JSON_INT)
        WRONG(w, "must be a text; put the number in quotes");
    else if (value->type != QF_JSON_STRING || value->count == 0)
        WRONG(w, "must be a text, and not empty");
    else if (value->count > max)
        WRONG(w, "has %u bytes; at most %lld are allowed", value->count, (long long)max);
}

/* Recursion: the tables' depth. */
static void check(struct walk *w, const struct qf_shape *shape, const struct qf_json *value,
                  unsigned depth)
{
    QF_ASSERT(depth <= DEPTH_MAX);
    switch (shape->kind) {
    case QF_SHAPE_ANY:
        break;
    case QF_SHAPE_ID:
        if (value->type == QF_JSON_INT)
            WRONG(w, "must be a text; put the number in quotes");
        else if (value->type != QF_JSON_STRING || !qf_member_id_valid(qf_json_text(value)))
            WRONG(w, "must be 1 to 48 of A-Z a-z 0-9 . _ -, the first a letter or digit");
        break;
    case QF_SHAPE_TEXT:
        check_text(w, shape, value);
        break;
    case QF_SHAPE_INT:
        if (value->type != QF_JSON_INT || value->integer < shape->min ||
            value->integer > shape->max)
            WRONG(w, "must be an integer from %lld to %lld", (long long)shape->min,
                  (long long)shape->max);
        break;
    case QF_SHAPE_SWITCH:
        if (value->type != QF_JSON_TRUE && value->type != QF_JSON_FALSE)
            WRONG(w, "must be true or false");
        break;
    case QF_SHAPE_CHOICE:
        check_choice(w, shape, value);
        break;
    case QF_SHAPE_OBJECT:
        check_object(w, shape, value, depth);
        break;
    case QF_SHAPE_LIST:
        check_list(w, shape, value, depth);
        break;
    case QF_SHAPE_MAP:
        check_map(w, shape, value, depth);
        break;
    case QF_SHAPE_EITHER:
        if (value->type == QF_JSON_OBJECT)
            check(w, shape->of, value, depth + 1);
        else
            check_text(w, shape, value);
        break;
    }
}

bool qf_shape_check(struct qf_folder *folder, const struct qf_folder_yaml *file,
                    const struct qf_shape *shape)
{
    struct walk w = {.folder = folder, .file = file};
    if (file->there)
        check(&w, shape, &file->yaml.value, 0);
    return file->there && w.found == 0;
}
