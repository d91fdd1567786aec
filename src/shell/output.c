/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/output.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "proto/acl_codec.h"
#include "shell/acl_text.h"
#include "shell/format.h"
#include "util/utf8.h"
#include "util/zk_buf.h"

static void
output_put(const struct output *o, FILE *to, struct zk_slice text)
{
    struct zk_buf b = { 0 };

    if (to == o->err ? o->escape_err : o->escape_out) {
        format_safe(text, &b);
    } else {
        utf8_repair(text, &b);
    }
    if (b.len > 0) {
        fwrite(b.data, 1, b.len, to);
    }
    zk_buf_fini(&b);
}

static struct zk_slice
output_slice(const struct zk_buf *b)
{
    return zk_slice(b->data, (int32_t) b->len);
}

static void
output_put_line(const struct output *o, FILE *to, const char *text)
{
    if (to == o->err) {
        fflush(o->out);         /* They may go to the same place. */
    }
    output_put(o, to, zk_slice_str(text));
    putc('\n', to);
}

/* A JSON string; parts that are no UTF-8 are replaced. */
static json_t *
output_json(struct zk_slice text)
{
    struct zk_buf b = { 0 };
    json_t *j;

    utf8_repair(text, &b);
    j = json_stringn(b.len > 0 ? (const char *) b.data : "", b.len);
    zk_buf_fini(&b);
    return j;
}

static json_t *
output_json_str(const char *text)
{
    return output_json(zk_slice_str(text));
}

static void
output_set(struct output *o, const char *key, json_t *value)
{
    /* Takes 'value' over, whatever comes. */
    if (json_object_set_new(o->doc, key, value) != 0) {
        zk_panic("JSON: %s", key);
    }
}

/* The list under 'key', which is made when there is none. */
static json_t *
output_list(struct output *o, const char *key)
{
    json_t *list = json_object_get(o->doc, key);

    if (list == NULL) {
        list = json_array();
        output_set(o, key, list);
    }
    return list;
}

/* Writes JSON.  jansson leaves DEL and the control characters from U+0080 on
 * as they are; all of them stand inside strings. */
static void
output_dump(struct output *o, json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT);

    if (text == NULL) {
        zk_panic("JSON: it cannot be printed");
    }
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\x7f') {
            fputs("\\u007F", o->out);
        } else if (*p == '\xc2' && (uint8_t) p[1] < 0xa0) {
            fprintf(o->out, "\\u%04X", (unsigned) (uint8_t) *++p);
        } else {
            putc(*p, o->out);
        }
    }
    putc('\n', o->out);
    fflush(o->out);
    free(text);
}

void
output_begin(struct output *o, const char *command)
{
    if (o->json) {
        json_decref(o->doc);
        o->doc = json_object();
        output_set(o, "command", output_json_str(command));
    }
}

void
output_end(struct output *o, bool ok)
{
    if (o->json && o->doc != NULL) {
        output_set(o, "ok", json_boolean(ok));
        output_dump(o, o->doc);
        json_decref(o->doc);
        o->doc = NULL;
    }
    fflush(o->out);
    fflush(o->err);
}

void
output_printf(struct output *o, const char *fmt, ...)
{
    char *text;
    va_list ap;

    if (o->json) {
        return;
    }
    va_start(ap, fmt);
    text = zk_xvasprintf(fmt, ap);
    va_end(ap);
    output_put(o, o->out, zk_slice_str(text));
    free(text);
}

void
output_say(struct output *o, const char *fmt, ...)
{
    char *text;
    va_list ap;

    va_start(ap, fmt);
    text = zk_xvasprintf(fmt, ap);
    va_end(ap);
    output_put_line(o, o->err, text);
    free(text);
}

void
output_say_lines(struct output *o, const char *text)
{
    fflush(o->out);
    output_put(o, o->err, zk_slice_str(text));
}

void
output_error(struct output *o, const char *code, const char *text)
{
    output_put_line(o, o->err, text);
    if (o->json && o->doc != NULL) {
        output_set(o, "error", output_json_str(text));
        if (code != NULL) {
            output_set(o, "code", output_json_str(code));
        }
    }
}

void
output_text(struct output *o, const char *key, const char *text)
{
    if (o->json) {
        output_set(o, key, output_json_str(text));
    } else {
        output_put_line(o, o->out, text);
    }
}

void
output_note(struct output *o, const char *key, const char *text)
{
    if (o->json) {
        output_set(o, key, output_json_str(text));
    }
}

void
output_number(struct output *o, const char *key, int64_t number)
{
    if (o->json) {
        output_set(o, key, json_integer(number));
    } else {
        fprintf(o->out, "%" PRId64 "\n", number);
    }
}

/* 64 bits are more than what most readers of JSON keep of a number. */
static json_t *
output_json_hex(int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "0x%" PRIx64, (uint64_t) number);
    return json_string(text);
}

static json_t *
output_json_stat(const struct jute_stat *s)
{
    json_t *j = json_object();

    json_object_set_new(j, "czxid", output_json_hex(s->czxid));
    json_object_set_new(j, "mzxid", output_json_hex(s->mzxid));
    json_object_set_new(j, "pzxid", output_json_hex(s->pzxid));
    json_object_set_new(j, "ctime", json_integer(s->ctime));
    json_object_set_new(j, "mtime", json_integer(s->mtime));
    json_object_set_new(j, "version", json_integer(s->version));
    json_object_set_new(j, "cversion", json_integer(s->cversion));
    json_object_set_new(j, "aversion", json_integer(s->aversion));
    json_object_set_new(j, "ephemeralOwner",
                        output_json_hex(s->ephemeral_owner));
    json_object_set_new(j, "dataLength", json_integer(s->data_length));
    json_object_set_new(j, "numChildren", json_integer(s->num_children));
    return j;
}

void
output_stat(struct output *o, const struct jute_stat *stat)
{
    struct zk_buf b = { 0 };

    if (o->json) {
        output_set(o, "stat", output_json_stat(stat));
        return;
    }
    format_stat(stat, &b);
    output_put(o, o->out, output_slice(&b));
    zk_buf_fini(&b);
}

void
output_names(struct output *o, const char *key,
             const struct word_list *names)
{
    struct zk_buf b = { 0 };

    if (o->json) {
        json_t *list = output_list(o, key);

        for (size_t i = 0; i < names->n; i++) {
            json_array_append_new(list, output_json_str(names->v[i]));
        }
        return;
    }
    zk_buf_append(&b, "[", 1);
    for (size_t i = 0; i < names->n; i++) {
        zk_buf_printf(&b, "%s%s", i == 0 ? "" : ", ", names->v[i]);
    }
    zk_buf_append(&b, "]\n", 2);
    output_put(o, o->out, output_slice(&b));
    zk_buf_fini(&b);
}

void
output_path(struct output *o, const char *path)
{
    if (o->json) {
        json_array_append_new(output_list(o, "paths"),
                              output_json_str(path));
    } else {
        output_put_line(o, o->out, path);
    }
}

static void
output_data_json(struct output *o, struct zk_slice data,
                 enum output_form form)
{
    struct zk_buf b = { 0 };

    if (zk_slice_is_null(data)) {
        output_set(o, "data", json_null());
    } else if (form == OUTPUT_PLAIN && utf8_valid(data)) {
        output_set(o, "data", output_json(data));
    } else {
        format_base64(data, &b);
        output_set(o, "data_base64", output_json(output_slice(&b)));
        zk_buf_fini(&b);
    }
}

void
output_data(struct output *o, struct zk_slice data, enum output_form form)
{
    struct zk_buf b = { 0 };

    if (o->json) {
        output_data_json(o, data, form);
        return;
    }
    if (zk_slice_is_null(data)) {
        data = ZK_SLICE_LIT("null");
    }
    if (form == OUTPUT_PLAIN && o->escape_out) {
        output_put(o, o->out, data);
    } else if (form == OUTPUT_PLAIN) {
        if (data.len > 0) {
            fwrite(data.p, 1, (size_t) data.len, o->out);
        }
    } else if (form == OUTPUT_BASE64) {
        format_base64(data, &b);
    } else {
        format_hex_dump(data, &b);
    }
    output_put(o, o->out, output_slice(&b));
    putc('\n', o->out);
    zk_buf_fini(&b);
}

void
output_acl(struct output *o, struct zk_slice raw)
{
    struct acl_iter it;
    struct acl_entry e;

    acl_iter_init(&it, raw);
    while (acl_iter_next(&it, &e)) {
        struct zk_buf b = { 0 };

        if (o->json) {
            char perms[6];
            json_t *j = json_object();

            format_perms(e.perms, perms);
            json_object_set_new(j, "scheme", output_json(e.scheme));
            json_object_set_new(j, "id", output_json(e.id));
            json_object_set_new(j, "perms", json_string(perms));
            json_array_append_new(output_list(o, "acl"), j);
        } else {
            acl_text_print(&e, &b);
            output_put(o, o->out, output_slice(&b));
            zk_buf_fini(&b);
        }
    }
}

void
output_who(struct output *o, const char *scheme, const char *user)
{
    char *line;

    if (o->json) {
        json_t *j = json_object();

        json_object_set_new(j, "scheme", output_json_str(scheme));
        json_object_set_new(j, "user", output_json_str(user));
        json_array_append_new(output_list(o, "auth"), j);
        return;
    }
    line = zk_xasprintf("%s: %s", scheme, user);
    output_put_line(o, o->out, line);
    free(line);
}

void
output_failed(struct output *o, const char *path, const char *code,
              const char *text)
{
    json_t *j;

    if (!o->json) {
        output_put_line(o, o->out, text);
        return;
    }
    j = json_object();
    json_object_set_new(j, "path", output_json_str(path));
    json_object_set_new(j, "code", output_json_str(code));
    json_object_set_new(j, "error", output_json_str(text));
    json_array_append_new(output_list(o, "failed"), j);
}

void
output_warn(struct output *o, const char *fmt, ...)
{
    char *text;
    va_list ap;

    va_start(ap, fmt);
    text = zk_xvasprintf(fmt, ap);
    va_end(ap);
    if (o->json) {
        json_array_append_new(output_list(o, "warnings"),
                              output_json_str(text));
    } else {
        output_put_line(o, o->out, text);
    }
    free(text);
}

void
output_created(struct output *o, const char *path)
{
    if (o->json) {
        output_set(o, "path", output_json_str(path));
    } else {
        output_say(o, "Created %s", path);
    }
}

void
output_event(struct output *o, const char *state, const char *type,
             struct zk_slice path, int64_t zxid)
{
    struct zk_buf b = { 0 };

    if (o->json) {
        json_t *j = json_object();

        json_object_set_new(j, "event", json_string(type));
        json_object_set_new(j, "state", json_string(state));
        json_object_set_new(j, "path", zk_slice_is_null(path)
                                           ? json_null()
                                           : output_json(path));
        json_object_set_new(j, "zxid", json_integer(zxid));
        output_dump(o, j);
        json_decref(j);
        return;
    }
    zk_buf_append(&b, "\nWATCHER::\n\n", 12);
    format_event(state, type, path, zxid, &b);
    zk_buf_append(&b, "\n", 1);
    output_put(o, o->out, output_slice(&b));
    zk_buf_fini(&b);
    fflush(o->out);
}
