/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "jute/jutec/jutec.h"

#include <ctype.h>
#include <string.h>

static struct record *parse_record(struct lexer *lx, struct schema *schema);
static void parse_field(struct lexer *lx, struct schema *schema,
                        struct record *r);
static const struct type *parse_type(struct lexer *lx, struct schema *schema);

static const struct type primitives[] = {
    { .kind = TYPE_BYTE, .tag = "byte", .min_len = 1, .fixed = true },
    { .kind = TYPE_BOOLEAN, .tag = "boolean", .min_len = 1, .fixed = true },
    { .kind = TYPE_INT, .tag = "int", .min_len = 4, .fixed = true },
    { .kind = TYPE_LONG, .tag = "long", .min_len = 8, .fixed = true },
    { .kind = TYPE_FLOAT, .tag = "float", .min_len = 4, .fixed = true },
    { .kind = TYPE_DOUBLE, .tag = "double", .min_len = 8, .fixed = true },
    { .kind = TYPE_USTRING, .tag = "slice", .min_len = 4 },
    { .kind = TYPE_BUFFER, .tag = "buffer", .min_len = 4 },
};

/* How the types above are called in a schema, in the same order. */
static const char *const primitive_names[] = {
    "byte", "boolean", "int", "long", "float", "double", "ustring", "buffer",
};

/* Names that no field can have in C. */
static const char *const keywords[] = {
    "auto",     "break",    "case",   "char",   "const",    "continue",
    "default",  "do",       "double", "else",   "enum",     "extern",
    "float",    "for",      "goto",   "if",     "inline",   "int",
    "long",     "register", "return", "short",  "signed",   "sizeof",
    "static",   "struct",   "switch", "typedef", "union",   "unsigned",
    "void",     "volatile", "while",  "restrict", "bool",   "true",
    "false",
};

void
schema_parse(struct schema *schema, const char *file, const char *text)
{
    struct lexer lx;

    memset(schema, 0, sizeof *schema);
    schema->records_tail = &schema->records;
    schema->vectors_tail = &schema->vectors;
    lexer_init(&lx, file, text);
    while (lx.kind != TOKEN_END) {
        struct record *r = parse_record(&lx, schema);

        *schema->records_tail = r;
        schema->records_tail = &r->next;
    }
    if (schema->records == NULL) {
        jutec_die(file, lx.line, "no record");
    }
}

static void
expect(struct lexer *lx, const char *text)
{
    if (!lexer_is(lx, text)) {
        jutec_die(lx->file, lx->line, "'%s' expected, '%.*s' found", text,
                  (int) lx->len, lx->text);
    }
    lexer_next(lx);
}

static char *
expect_name(struct lexer *lx, const char *what)
{
    char *name;

    if (lx->kind != TOKEN_NAME) {
        jutec_die(lx->file, lx->line, "name of a %s expected, '%.*s' found",
                  what, (int) lx->len, lx->text);
    }
    name = jutec_strndup(lx->text, lx->len);
    lexer_next(lx);
    return name;
}

static struct record *
parse_record(struct lexer *lx, struct schema *schema)
{
    struct record *r = jutec_alloc(sizeof *r);
    struct type **vectors = schema->vectors_tail;
    unsigned n_vectors = schema->n_vectors;

    expect(lx, "record");
    r->name = expect_name(lx, "record");
    r->type.kind = TYPE_RECORD;
    r->type.tag = jutec_snake_case(r->name);
    r->type.fixed = true;
    for (const struct record *o = schema->records; o != NULL; o = o->next) {
        if (strcmp(o->type.tag, r->type.tag) == 0) {
            jutec_die(lx->file, lx->line, "second record %s", r->name);
        }
    }
    if (!isupper((unsigned char) r->name[0])) {
        jutec_die(lx->file, lx->line, "record %s: a capital first", r->name);
    }
    expect(lx, "{");
    do {                        /* At least one: no value has no bytes. */
        parse_field(lx, schema, r);
    } while (!lexer_is(lx, "}"));
    lexer_next(lx);
    r->first_vector = *vectors;
    r->n_vectors = schema->n_vectors - n_vectors;
    return r;
}

static void
check_field_name(const struct lexer *lx, const struct record *r,
                 const struct field *f)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (strcmp(f->c_name, keywords[i]) == 0) {
            jutec_die(lx->file, lx->line, "'%s' is a word of C", f->c_name);
        }
    }
    for (size_t i = 0; i < r->n_fields; i++) {
        if (strcmp(f->c_name, r->fields[i].c_name) == 0) {
            jutec_die(lx->file, lx->line, "second field %s", f->name);
        }
    }
}

static void
parse_field(struct lexer *lx, struct schema *schema, struct record *r)
{
    struct field f = { 0 };
    struct field *fields;

    if (lexer_is(lx, "hex")) {
        f.hex = true;
        lexer_next(lx);
    }
    f.type = parse_type(lx, schema);
    if (f.hex && f.type->kind != TYPE_INT && f.type->kind != TYPE_LONG) {
        jutec_die(lx->file, lx->line, "hex is for int and long");
    }
    f.name = expect_name(lx, "field");
    f.c_name = jutec_snake_case(f.name);
    check_field_name(lx, r, &f);
    expect(lx, ";");

    fields = jutec_alloc((r->n_fields + 1) * sizeof f);
    if (r->n_fields > 0) {
        memcpy(fields, r->fields, r->n_fields * sizeof f);
    }
    fields[r->n_fields++] = f;
    r->fields = fields;
    r->type.min_len += f.type->min_len;
    r->type.fixed = r->type.fixed && f.type->fixed;
}

/* The type vector<elem>, one object for all of the same elements. */
static const struct type *
vector_of(struct schema *schema, const struct type *elem)
{
    size_t len = strlen(elem->tag);
    struct type *v;
    char *tag;

    for (v = schema->vectors; v != NULL; v = v->next) {
        if (strcmp(v->elem->tag, elem->tag) == 0) {
            return v;
        }
    }
    tag = jutec_alloc(len + 5);
    memcpy(tag, "vec_", 4);
    memcpy(tag + 4, elem->tag, len);
    v = jutec_alloc(sizeof *v);
    v->kind = TYPE_VECTOR;
    v->tag = tag;
    v->elem = elem;
    v->min_len = 4;
    *schema->vectors_tail = v;
    schema->vectors_tail = &v->next;
    schema->n_vectors++;
    return v;
}

static const struct type *
parse_type(struct lexer *lx, struct schema *schema)
{
    unsigned line = lx->line;
    const struct type *elem;
    char *name;

    if (lexer_is(lx, "vector")) {
        lexer_next(lx);
        expect(lx, "<");
        elem = parse_type(lx, schema);
        expect(lx, ">");
        return vector_of(schema, elem);
    }
    name = expect_name(lx, "type");
    for (size_t i = 0; i < sizeof primitives / sizeof primitives[0]; i++) {
        if (strcmp(name, primitive_names[i]) == 0) {
            return &primitives[i];
        }
    }
    for (const struct record *r = schema->records; r != NULL; r = r->next) {
        if (strcmp(name, r->name) == 0) {
            return &r->type;
        }
    }
    jutec_die(lx->file, line, "no type or record '%s' above", name);
}
