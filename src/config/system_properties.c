/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "config/system_properties.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SYSTEM_PROPERTIES_MAGIC 0x53797350

struct sp_entry {
    char *name;
    char *value;
};

struct system_properties {
    unsigned magic;
    struct sp_entry *all;       /* In order of names. */
    size_t n, cap;
};

struct system_properties *
system_properties_create(void)
{
    struct system_properties *p = zk_xcalloc(1, sizeof *p);

    p->magic = SYSTEM_PROPERTIES_MAGIC;
    return p;
}

void
system_properties_destroy(struct system_properties *p)
{
    if (p == NULL) {
        return;
    }
    ZK_CHECK(p, SYSTEM_PROPERTIES_MAGIC);
    for (size_t i = 0; i < p->n; i++) {
        free(p->all[i].name);
        free(p->all[i].value);
    }
    free(p->all);
    p->magic = 0;
    free(p);
}

/* The first entry that is not before 'name'. */
static size_t
sp_place(const struct system_properties *p, const char *name)
{
    size_t low = 0, high = p->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(p->all[mid].name, name) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

void
system_properties_set(struct system_properties *p, const char *name,
                      const char *value)
{
    size_t i;

    ZK_CHECK(p, SYSTEM_PROPERTIES_MAGIC);
    i = sp_place(p, name);
    if (i < p->n && strcmp(p->all[i].name, name) == 0) {
        free(p->all[i].value);
        p->all[i].value = zk_xstrdup(value);
        return;
    }
    if (p->n == p->cap) {
        p->cap = p->cap == 0 ? 16 : 2 * p->cap;
        p->all = zk_xrealloc(p->all, p->cap * sizeof p->all[0]);
    }
    memmove(&p->all[i + 1], &p->all[i], (p->n - i) * sizeof p->all[0]);
    p->all[i].name = zk_xstrdup(name);
    p->all[i].value = zk_xstrdup(value);
    p->n++;
}

const char *
system_properties_get(const struct system_properties *p, const char *name)
{
    size_t i;

    ZK_CHECK(p, SYSTEM_PROPERTIES_MAGIC);
    i = sp_place(p, name);
    if (i < p->n && strcmp(p->all[i].name, name) == 0) {
        return p->all[i].value;
    }
    return NULL;
}

/* Java's Long.decode. */
static bool
sp_decode(const char *text, int64_t *out)
{
    const char *digits = text;
    bool negative = *digits == '-';
    int base = 10;
    char *end;
    unsigned long long v;

    if (*digits == '-' || *digits == '+') {
        digits++;
    }
    if (strncasecmp(digits, "0x", 2) == 0) {
        base = 16;
        digits += 2;
    } else if (*digits == '#') {
        base = 16;
        digits++;
    } else if (*digits == '0' && digits[1] != '\0') {
        base = 8;
        digits++;
    }
    if (strspn(digits, "0123456789abcdefABCDEF") != strlen(digits)) {
        return false;           /* No blanks, signs or 0x once more. */
    }
    if (base == 16 && strncasecmp(digits, "0x", 2) == 0) {
        return false;
    }
    errno = 0;
    v = strtoull(digits, &end, base);
    if (end == digits || *end != '\0' || errno != 0
        || v > (unsigned long long) INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *out = negative ? (int64_t) (0 - v) : (int64_t) v;
    return true;
}

int
system_properties_long(const struct system_properties *p, const char *name,
                       int64_t def, int64_t *out, struct zk_errmsg *em)
{
    const char *value = system_properties_get(p, name);

    if (value == NULL || *value == '\0') {
        *out = def;
        return ZK_OK;
    }
    if (!sp_decode(value, out)) {
        return zk_fail(em, ZK_ECONFIG, "property %s=%s: not a number", name,
                       value);
    }
    return ZK_OK;
}

int
system_properties_double(const struct system_properties *p,
                         const char *name, double def, double *out,
                         struct zk_errmsg *em)
{
    const char *value = system_properties_get(p, name);
    char *end;

    if (value == NULL || *value == '\0') {
        *out = def;
        return ZK_OK;
    }
    *out = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(*out)) {
        return zk_fail(em, ZK_ECONFIG, "property %s=%s: not a number", name,
                       value);
    }
    return ZK_OK;
}

bool
system_properties_bool(const struct system_properties *p, const char *name,
                       bool def)
{
    const char *value = system_properties_get(p, name);

    return value == NULL ? def : strcasecmp(value, "true") == 0;
}

bool
system_properties_take_option(struct system_properties *p, const char *arg)
{
    const char *equals;
    char *name;

    if (strncmp(arg, "-D", 2) != 0 || arg[2] == '\0' || arg[2] == '=') {
        return false;
    }
    equals = strchr(arg, '=');
    if (equals == NULL) {
        system_properties_set(p, arg + 2, "");
        return true;
    }
    name = zk_xstrndup(arg + 2, (size_t) (equals - arg - 2));
    system_properties_set(p, name, equals + 1);
    free(name);
    return true;
}

void
system_properties_each(const struct system_properties *p,
                       void (*each)(void *arg, const char *name,
                                    const char *value), void *arg)
{
    ZK_CHECK(p, SYSTEM_PROPERTIES_MAGIC);
    for (size_t i = 0; i < p->n; i++) {
        each(arg, p->all[i].name, p->all[i].value);
    }
}
