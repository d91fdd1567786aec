/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "jute/jutec/jutec.h"

#include <ctype.h>

/* Writes a C type and a blank. */
static void
emit_c_type(FILE *out, const struct type *t)
{
    switch (t->kind) {
    case TYPE_BYTE:
        fputs("int8_t ", out);
        break;
    case TYPE_BOOLEAN:
        fputs("bool ", out);
        break;
    case TYPE_INT:
        fputs("int32_t ", out);
        break;
    case TYPE_LONG:
        fputs("int64_t ", out);
        break;
    case TYPE_FLOAT:
        fputs("float ", out);
        break;
    case TYPE_DOUBLE:
        fputs("double ", out);
        break;
    case TYPE_USTRING:
    case TYPE_BUFFER:
        fputs("struct zk_slice ", out);
        break;
    case TYPE_VECTOR:
    case TYPE_RECORD:
        fprintf(out, "struct jute_%s ", t->tag);
        break;
    }
}

static bool
is_compound(const struct type *t)
{
    return t->kind == TYPE_VECTOR || t->kind == TYPE_RECORD;
}

/* How the archives call it. */
static const char *
archive_verb(const struct type *t)
{
    switch (t->kind) {
    case TYPE_BOOLEAN:
        return "bool";
    case TYPE_BUFFER:
        return "slice";
    default:
        return t->tag;
    }
}

/* Runs of fields of fixed size are moved by one bounds check: the number of
 * fields from 'i' on, and in '*len' their bytes. */
static size_t
fixed_run(const struct record *r, size_t i, size_t *len)
{
    size_t n = 0;

    *len = 0;
    while (i + n < r->n_fields && r->fields[i + n].type->fixed
           && !is_compound(r->fields[i + n].type)
           && *len + r->fields[i + n].type->min_len <= JUTEC_RUN_MAX) {
        *len += r->fields[i + n].type->min_len;
        n++;
    }
    return n;
}

static void
emit_prototypes(FILE *out, const char *tag)
{
    fprintf(out, "void jute_%s_encode(struct zk_buf *b, "
            "const struct jute_%s *x);\n", tag, tag);
    fprintf(out, "int jute_%s_decode(struct input_archive *ia, "
            "struct jute_%s *x);\n", tag, tag);
    fprintf(out, "void jute_%s_fini(struct jute_%s *x);\n", tag, tag);
    fprintf(out, "bool jute_%s_equal(const struct jute_%s *x, "
            "const struct jute_%s *y);\n", tag, tag, tag);
    fprintf(out, "void jute_%s_print(FILE *out, const struct jute_%s *x);\n\n",
            tag, tag);
}

static void
emit_min_len(FILE *out, const struct record *r)
{
    fputs("#define JUTE_", out);
    for (const char *p = r->type.tag; *p != '\0'; p++) {
        fputc(toupper((unsigned char) *p), out);
    }
    fprintf(out, "_%s %zu\n", r->type.fixed ? "LEN" : "MIN_LEN",
            r->type.min_len);
}

static void
emit_vector_struct(FILE *out, const struct type *v)
{
    fprintf(out, "struct jute_%s {\n    int32_t n;\n    ", v->tag);
    emit_c_type(out, v->elem);
    fputs("*v;\n};\n\n", out);
    emit_prototypes(out, v->tag);
}

static void
emit_record_struct(FILE *out, const struct record *r)
{
    fprintf(out, "/* %s */\nstruct jute_%s {\n", r->name, r->type.tag);
    for (size_t i = 0; i < r->n_fields; i++) {
        fputs("    ", out);
        emit_c_type(out, r->fields[i].type);
        fprintf(out, "%s;\n", r->fields[i].c_name);
    }
    fputs("};\n\n", out);
    emit_min_len(out, r);
    fputc('\n', out);
    emit_prototypes(out, r->type.tag);
}

void
emit_header(FILE *out, const struct schema *schema, const char *guard)
{
    fprintf(out,
            "/* SPDX-License-Identifier: Apache-2.0 */\n"
            "/* Made by jutec; do not edit. */\n"
            "/*\n"
            " * For each record X:\n"
            " *\n"
            " * jute_x_encode  appends its bytes;\n"
            " * jute_x_decode  reads it and returns ia->err; strings and\n"
            " *                buffers are borrowed from the archive,\n"
            " *                vectors are allocated; the struct is fit for\n"
            " *                fini after a failure too;\n"
            " * jute_x_fini    frees the vectors and leaves them empty;\n"
            " * jute_x_equal   compares all fields; null is not empty;\n"
            " * jute_x_print   writes it as text, for logs and tools;\n"
            " * JUTE_X_LEN     its bytes, or JUTE_X_MIN_LEN the fewest.\n"
            " *\n"
            " * The same for vectors, struct jute_vec_x; n is -1 for null.\n"
            " */\n"
            "#ifndef %s\n"
            "#define %s\n\n"
            "#include <stdio.h>\n\n"
            "#include \"jute/input_archive.h\"\n"
            "#include \"jute/output_archive.h\"\n\n", guard, guard);
    for (const struct record *r = schema->records; r != NULL; r = r->next) {
        const struct type *v = r->first_vector;

        for (unsigned i = 0; i < r->n_vectors; i++, v = v->next) {
            emit_vector_struct(out, v);
        }
        emit_record_struct(out, r);
    }
    fputs("#endif\n", out);
}

/* One statement per call; 'lv' is the value, as "x->acl" or "x->v[i]". */
static void
emit_encode_value(FILE *out, const struct type *t, const char *lv)
{
    if (is_compound(t)) {
        fprintf(out, "    jute_%s_encode(b, &%s);\n", t->tag, lv);
    } else {
        fprintf(out, "    output_archive_%s(b, %s);\n", archive_verb(t), lv);
    }
}

static void
emit_decode_value(FILE *out, const struct type *t, const char *lv)
{
    if (is_compound(t)) {
        fprintf(out, "    jute_%s_decode(ia, &%s);\n", t->tag, lv);
    } else {
        fprintf(out, "    %s = input_archive_%s(ia);\n", lv, archive_verb(t));
    }
}

static void
emit_print_value(FILE *out, const struct type *t, const char *lv, bool hex)
{
    switch (t->kind) {
    case TYPE_BYTE:
        fprintf(out, "    fprintf(out, \"%%d\", %s);\n", lv);
        break;
    case TYPE_BOOLEAN:
        fprintf(out, "    fputs(%s ? \"true\" : \"false\", out);\n", lv);
        break;
    case TYPE_INT:
        fprintf(out, hex ? "    fprintf(out, \"0x%%\" PRIx32, "
                           "(uint32_t) %s);\n"
                         : "    fprintf(out, \"%%\" PRId32, %s);\n", lv);
        break;
    case TYPE_LONG:
        fprintf(out, hex ? "    fprintf(out, \"0x%%\" PRIx64, "
                           "(uint64_t) %s);\n"
                         : "    fprintf(out, \"%%\" PRId64, %s);\n", lv);
        break;
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        fprintf(out, "    fprintf(out, \"%%g\", (double) %s);\n", lv);
        break;
    case TYPE_USTRING:
        fprintf(out, "    jute_print_string(out, %s);\n", lv);
        break;
    case TYPE_BUFFER:
        fprintf(out, "    jute_print_buffer(out, %s);\n", lv);
        break;
    case TYPE_VECTOR:
    case TYPE_RECORD:
        fprintf(out, "    jute_%s_print(out, &%s);\n", t->tag, lv);
        break;
    }
}

/* "x->name" in 'buf'. */
static const char *
member(char *buf, size_t size, const struct field *f)
{
    snprintf(buf, size, "x->%s", f->c_name);
    return buf;
}

static void
emit_put(FILE *out, const struct field *f, size_t at)
{
    switch (f->type->min_len) {
    case 1:
        fprintf(out, "    p[%zu] = (uint8_t) x->%s;\n", at, f->c_name);
        break;
    case 4:
        if (f->type->kind == TYPE_FLOAT) {
            fprintf(out, "    zk_put_be32(p + %zu, "
                    "jute_float_bits(x->%s));\n", at, f->c_name);
        } else {
            fprintf(out, "    zk_put_be32(p + %zu, (uint32_t) x->%s);\n", at,
                    f->c_name);
        }
        break;
    default:
        if (f->type->kind == TYPE_DOUBLE) {
            fprintf(out, "    zk_put_be64(p + %zu, "
                    "jute_double_bits(x->%s));\n", at, f->c_name);
        } else {
            fprintf(out, "    zk_put_be64(p + %zu, (uint64_t) x->%s);\n", at,
                    f->c_name);
        }
        break;
    }
}

static void
emit_get(FILE *out, const struct field *f, size_t at)
{
    const char *name = f->c_name;

    switch (f->type->kind) {
    case TYPE_BYTE:
        fprintf(out, "    x->%s = (int8_t) p[%zu];\n", name, at);
        break;
    case TYPE_BOOLEAN:
        fprintf(out, "    x->%s = p[%zu] != 0;\n", name, at);
        break;
    case TYPE_INT:
        fprintf(out, "    x->%s = (int32_t) zk_get_be32(p + %zu);\n", name,
                at);
        break;
    case TYPE_LONG:
        fprintf(out, "    x->%s = (int64_t) zk_get_be64(p + %zu);\n", name,
                at);
        break;
    case TYPE_FLOAT:
        fprintf(out, "    x->%s = jute_float(zk_get_be32(p + %zu));\n", name,
                at);
        break;
    default:
        fprintf(out, "    x->%s = jute_double(zk_get_be64(p + %zu));\n", name,
                at);
        break;
    }
}

/* It has a run of more than one field, and so needs a pointer. */
static bool
has_run(const struct record *r)
{
    size_t len;

    for (size_t i = 0; i < r->n_fields; i++) {
        if (fixed_run(r, i, &len) > 1) {
            return true;
        }
    }
    return false;
}

static void
emit_record_encode(FILE *out, const struct record *r)
{
    char lv[256];

    fprintf(out, "void\njute_%s_encode(struct zk_buf *b, "
            "const struct jute_%s *x)\n{\n", r->type.tag, r->type.tag);
    if (has_run(r)) {
        fputs("    uint8_t *p;\n\n", out);
    }
    for (size_t i = 0; i < r->n_fields;) {
        size_t len;
        size_t n = fixed_run(r, i, &len);
        size_t at = 0;

        if (n < 2) {
            emit_encode_value(out, r->fields[i].type,
                              member(lv, sizeof lv, &r->fields[i]));
            i++;
            continue;
        }
        fprintf(out, "    p = zk_buf_reserve(b, %zu);\n", len);
        for (; n > 0; n--, i++) {
            emit_put(out, &r->fields[i], at);
            at += r->fields[i].type->min_len;
        }
        fprintf(out, "    b->len += %zu;\n", len);
    }
    fputs("}\n\n", out);
}

static void
emit_record_decode(FILE *out, const struct record *r)
{
    char lv[256];

    fprintf(out, "int\njute_%s_decode(struct input_archive *ia, "
            "struct jute_%s *x)\n{\n", r->type.tag, r->type.tag);
    if (has_run(r)) {
        fputs("    const uint8_t *p;\n\n", out);
    }
    for (size_t i = 0; i < r->n_fields;) {
        size_t len;
        size_t n = fixed_run(r, i, &len);
        size_t at = 0;

        if (n < 2) {
            emit_decode_value(out, r->fields[i].type,
                              member(lv, sizeof lv, &r->fields[i]));
            i++;
            continue;
        }
        fprintf(out, "    p = jute_take(ia, %zu);\n", len);
        for (; n > 0; n--, i++) {
            emit_get(out, &r->fields[i], at);
            at += r->fields[i].type->min_len;
        }
    }
    fputs("    return ia->err;\n}\n\n", out);
}

static void
emit_record_fini(FILE *out, const struct record *r)
{
    bool empty = true;

    fprintf(out, "void\njute_%s_fini(struct jute_%s *x)\n{\n", r->type.tag,
            r->type.tag);
    for (size_t i = 0; i < r->n_fields; i++) {
        if (is_compound(r->fields[i].type)) {
            fprintf(out, "    jute_%s_fini(&x->%s);\n",
                    r->fields[i].type->tag, r->fields[i].c_name);
            empty = false;
        }
    }
    fputs(empty ? "    (void) x;\n}\n\n" : "}\n\n", out);
}

static void
emit_equal_value(FILE *out, const struct type *t, const char *name)
{
    if (is_compound(t)) {
        fprintf(out, "jute_%s_equal(&x->%s, &y->%s)", t->tag, name, name);
    } else if (t->kind == TYPE_USTRING || t->kind == TYPE_BUFFER) {
        fprintf(out, "zk_slice_eq(x->%s, y->%s)", name, name);
    } else {
        fprintf(out, "x->%s == y->%s", name, name);
    }
}

static void
emit_record_equal(FILE *out, const struct record *r)
{
    fprintf(out, "bool\njute_%s_equal(const struct jute_%s *x, "
            "const struct jute_%s *y)\n{\n    return ", r->type.tag,
            r->type.tag, r->type.tag);
    for (size_t i = 0; i < r->n_fields; i++) {
        fputs(i > 0 ? "\n           && " : "", out);
        emit_equal_value(out, r->fields[i].type, r->fields[i].c_name);
    }
    fputs(";\n}\n\n", out);
}

static void
emit_record_print(FILE *out, const struct record *r)
{
    char lv[256];

    fprintf(out, "void\njute_%s_print(FILE *out, const struct jute_%s *x)\n"
            "{\n", r->type.tag, r->type.tag);
    for (size_t i = 0; i < r->n_fields; i++) {
        fprintf(out, "    fputs(\"%s%s%s=\", out);\n", i == 0 ? r->name : "",
                i == 0 ? "{" : ", ", r->fields[i].name);
        emit_print_value(out, r->fields[i].type,
                         member(lv, sizeof lv, &r->fields[i]),
                         r->fields[i].hex);
    }
    fputs("    fputc('}', out);\n}\n\n", out);
}

static void
emit_vector_codec(FILE *out, const struct type *v)
{
    const char *tag = v->tag;

    fprintf(out, "void\njute_%s_encode(struct zk_buf *b, "
            "const struct jute_%s *x)\n{\n"
            "    output_archive_int(b, x->n);\n"
            "    for (int32_t i = 0; i < x->n; i++) {\n    ", tag, tag);
    emit_encode_value(out, v->elem, "x->v[i]");
    fputs("    }\n}\n\n", out);

    fprintf(out, "int\njute_%s_decode(struct input_archive *ia, "
            "struct jute_%s *x)\n{\n"
            "    x->n = input_archive_count(ia, %zu);\n"
            "    x->v = NULL;\n"
            "    if (x->n > 0) {\n"
            "        x->v = zk_xcalloc((size_t) x->n, sizeof x->v[0]);\n"
            "    }\n"
            "    for (int32_t i = 0; i < x->n && ia->err == ZK_OK; i++) {\n"
            "    ", tag, tag, v->elem->min_len);
    emit_decode_value(out, v->elem, "x->v[i]");
    fputs("    }\n    return ia->err;\n}\n\n", out);
}

static void
emit_vector_rest(FILE *out, const struct type *v)
{
    const char *tag = v->tag;

    fprintf(out, "void\njute_%s_fini(struct jute_%s *x)\n{\n", tag, tag);
    if (is_compound(v->elem)) {
        fprintf(out, "    for (int32_t i = 0; i < x->n; i++) {\n"
                "        jute_%s_fini(&x->v[i]);\n    }\n", v->elem->tag);
    }
    fputs("    free(x->v);\n    x->v = NULL;\n    x->n = 0;\n}\n\n", out);

    fprintf(out, "bool\njute_%s_equal(const struct jute_%s *x, "
            "const struct jute_%s *y)\n{\n"
            "    if (x->n != y->n) {\n        return false;\n    }\n"
            "    for (int32_t i = 0; i < x->n; i++) {\n        if (!(",
            tag, tag, tag);
    emit_equal_value(out, v->elem, "v[i]");
    fputs(")) {\n            return false;\n        }\n    }\n"
          "    return true;\n}\n\n", out);

    fprintf(out, "void\njute_%s_print(FILE *out, const struct jute_%s *x)\n"
            "{\n    if (x->n < 0) {\n        fputs(\"null\", out);\n"
            "        return;\n    }\n    fputc('[', out);\n"
            "    for (int32_t i = 0; i < x->n; i++) {\n"
            "        fputs(i > 0 ? \", \" : \"\", out);\n    ", tag, tag);
    emit_print_value(out, v->elem, "x->v[i]", false);
    fputs("    }\n    fputc(']', out);\n}\n\n", out);
}

static void
emit_source_head(FILE *out, const char *header)
{
    fprintf(out,
            "/* SPDX-License-Identifier: Apache-2.0 */\n"
            "/* Made by jutec; do not edit. */\n"
            "#include <config.h>\n\n"
            "#include \"%s\"\n\n"
            "#include <inttypes.h>\n"
            "#include <stdlib.h>\n\n"
            "#include \"jute/record_print.h\"\n"
            "#include \"jute/record_run.h\"\n\n"
            "_Static_assert(JUTE_RUN_MAX >= %d, \"record_run.h\");\n\n",
            header, JUTEC_RUN_MAX);
}

void
emit_source(FILE *out, const struct schema *schema, const char *header)
{
    emit_source_head(out, header);
    for (const struct record *r = schema->records; r != NULL; r = r->next) {
        const struct type *v = r->first_vector;

        for (unsigned i = 0; i < r->n_vectors; i++, v = v->next) {
            emit_vector_codec(out, v);
            emit_vector_rest(out, v);
        }
        emit_record_encode(out, r);
        emit_record_decode(out, r);
        emit_record_fini(out, r);
        emit_record_equal(out, r);
        emit_record_print(out, r);
    }
}
