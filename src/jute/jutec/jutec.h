/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jutec.h: the record compiler.  It reads a schema and writes a C header and
 * source with a struct and its encode, decode, fini, equal and print for each
 * record.  It runs at build time only and uses nothing of the server.
 *
 * The schema:
 *
 *     record Name { type field; ... }
 *
 *     type = byte | boolean | int | long | float | double | ustring | buffer
 *          | vector<type> | Name of a record above
 *
 * A field of type int or long may be preceded by `hex`: it is printed so.
 * Comments as in C.  Names are CamelCase and become snake_case in C.
 *
 * Memory lives until the program ends.
 */
#ifndef JUTE_JUTEC_JUTEC_H
#define JUTE_JUTEC_JUTEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The most bytes of fields of fixed size that are bounds-checked as one:
 * what generated code finds zeros for, in record_run.h. */
#define JUTEC_RUN_MAX 256

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_PUNCTUATION,          /* One of { } < > ; */
};

struct lexer {
    const char *file;           /* For messages. */
    const char *p;              /* Next byte of the NUL-terminated text. */
    unsigned line;              /* Of the current token. */

    /* The current token. */
    enum token_kind kind;
    const char *text;
    size_t len;
};

enum type_kind {
    TYPE_BYTE,
    TYPE_BOOLEAN,
    TYPE_INT,
    TYPE_LONG,
    TYPE_FLOAT,
    TYPE_DOUBLE,
    TYPE_USTRING,
    TYPE_BUFFER,
    TYPE_VECTOR,
    TYPE_RECORD,
};

struct type {
    enum type_kind kind;
    const char *tag;            /* "int", "slice" (ustring), "vec_acl". */
    const struct type *elem;    /* TYPE_VECTOR: what is in it. */
    struct type *next;          /* TYPE_VECTOR: in the schema's list. */
    size_t min_len;             /* Fewest bytes of a value on the wire. */
    bool fixed;                 /* Every value has min_len bytes. */
};

struct field {
    const char *name;           /* As in the schema. */
    const char *c_name;
    const struct type *type;
    bool hex;
};

struct record {
    struct type type;           /* TYPE_RECORD; its tag is the C name. */
    const char *name;
    struct field *fields;
    size_t n_fields;
    /* Vector types that the fields need and no record above did. */
    const struct type *first_vector;
    unsigned n_vectors;
    struct record *next;
};

struct schema {
    struct record *records;     /* In the schema's order. */
    struct record **records_tail;
    struct type *vectors;
    struct type **vectors_tail;
    unsigned n_vectors;
};

/* Prints "file:line: message" and ends the program with 1. */
void jutec_die(const char *file, unsigned line, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
/* Memory of zeros that is never freed; ends the program when there is none. */
void *jutec_alloc(size_t size);
/* The 'len' bytes at 's' as a string. */
char *jutec_strndup(const char *s, size_t len);
/* GetACLRequest -> get_acl_request, parentCVersion -> parent_c_version. */
char *jutec_snake_case(const char *name);

/* Starts at the first token of 'text'. */
void lexer_init(struct lexer *lx, const char *file, const char *text);
/* Moves to the next token; a byte that belongs to none ends the program. */
void lexer_next(struct lexer *lx);
/* The current token is this text. */
bool lexer_is(const struct lexer *lx, const char *text);

/* Reads a whole schema, or ends the program. */
void schema_parse(struct schema *schema, const char *file, const char *text);

/* Writes the header; 'guard' is the name of its include guard. */
void emit_header(FILE *out, const struct schema *schema, const char *guard);
/* Writes the source; 'header' is how it includes the header. */
void emit_source(FILE *out, const struct schema *schema, const char *header);

#endif
