/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheme "digest": the client shows "user:password", ACLs hold
 * "user:base64(digest(user:password))" (Java: DigestAuthenticationProvider).
 */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "auth/providers.h"
#include "proto/keeper_error.h"
#include "util/zk_log.h"

/* Base64 of the longest digest and a NUL. */
#define DIGEST_TEXT_MAX ((EVP_MAX_MD_SIZE + 2) / 3 * 4 + 1)

/* OpenSSL knows its own names ("SHA256", "SHA3-256", "SHA512-256"); Java's
 * "SHA-1", "SHA-256" and "SHA-512/256" become those. */
static const EVP_MD *
da_algorithm(const char *name)
{
    const EVP_MD *md;
    char other[32];
    int n;

    if (name == NULL) {
        return EVP_sha1();
    }
    md = EVP_get_digestbyname(name);
    if (md != NULL || strncasecmp(name, "SHA-", 4) != 0) {
        return md;
    }
    n = snprintf(other, sizeof other, "SHA%s", name + 4);
    if (n < 0 || (size_t) n >= sizeof other) {
        return NULL;
    }
    for (char *p = other; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '-';
        }
    }
    return EVP_get_digestbyname(other);
}

bool
digest_auth_generate(const struct auth_options *opts, struct zk_slice text,
                     char *out, size_t size)
{
    const EVP_MD *md = da_algorithm(opts->digest_alg);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len;

    if (md == NULL
        || EVP_Digest(text.p, text.len > 0 ? (size_t) text.len : 0, digest,
                      &len, md, NULL) != 1
        || size < (len + 2) / 3 * 4 + 1) {
        return false;
    }
    EVP_EncodeBlock((unsigned char *) out, digest, (int) len);
    return true;
}

static struct zk_slice
da_user_name(struct zk_slice id)
{
    const char *colon = id.len > 0 ? memchr(id.p, ':', (size_t) id.len)
                                   : NULL;

    return colon != NULL ? zk_slice(id.p, (int32_t) (colon - id.p)) : id;
}

/* Legal is what has two parts when it is cut at each ':' and empty parts at
 * the end are dropped: "a:b", ":b" and "a:b::", but not "a:" or "a:b:c". */
static bool
da_is_valid(struct zk_slice id)
{
    int32_t len = id.len;
    int colons = 0;

    while (len > 0 && id.p[len - 1] == ':') {
        len--;
    }
    for (int32_t i = 0; i < len; i++) {
        colons += id.p[i] == ':';
    }
    return colons == 1;
}

/* Is 'id' what superDigest says?  The time it takes tells nothing. */
static bool
da_is_super(const struct auth_options *opts, const struct zk_buf *id)
{
    return opts->super_digest != NULL
           && strlen(opts->super_digest) == id->len
           && CRYPTO_memcmp(opts->super_digest, id->data, id->len) == 0;
}

/* Adds the id, and super:"" before it for the holder of superDigest. */
static struct auth_info *
da_add(const struct auth_options *opts, const struct auth_info *info,
       const struct zk_buf *id)
{
    struct zk_slice text = zk_slice(id->data, (int32_t) id->len);
    struct auth_info *with_super;
    struct auth_info *result;

    if (!da_is_super(opts, id)) {
        return auth_info_add(info, "digest", text);
    }
    with_super = auth_info_add(info, "super", ZK_SLICE_LIT(""));
    result = auth_info_add(with_super, "digest", text);
    auth_info_unref(with_super);
    return result;
}

static int
da_authenticate(const struct auth_options *opts, const struct auth_info *info,
                struct zk_slice data, struct auth_info **out)
{
    struct zk_buf text = { 0 };
    struct zk_buf id = { 0 };
    char digest[DIGEST_TEXT_MAX];
    struct zk_slice user;
    int rv = KE_AUTH_FAILED;

    if (zk_slice_is_null(data)) {
        return KE_AUTH_FAILED;
    }
    /* What is not UTF-8 must come to the same digest on every server. */
    utf8_repair(data, &text);
    /* A superfluous byte: an empty buffer has no memory to point to. */
    zk_buf_append(&text, "", 1);
    user = zk_slice(text.data, (int32_t) (text.len - 1));
    if (digest_auth_generate(opts, user, digest, sizeof digest)) {
        user = da_user_name(user);
        zk_buf_append(&id, user.p, (size_t) user.len);
        zk_buf_append(&id, ":", 1);
        zk_buf_append(&id, digest, strlen(digest));
        *out = da_add(opts, info, &id);
        rv = KE_OK;
    } else {
        zk_error(auth, "no such digest algorithm: %s", opts->digest_alg);
    }
    if (text.data != NULL) {
        OPENSSL_cleanse(text.data, text.len);
    }
    zk_buf_fini(&text);
    zk_buf_fini(&id);
    return rv;
}

const struct auth_provider digest_auth_provider = {
    .scheme = "digest",
    .authenticated = true,
    .is_valid = da_is_valid,
    .matches = auth_same_id,
    .authenticate = da_authenticate,
    .user_name = da_user_name,
};
