/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_config.c: config, reconfig. */
#include <config.h>

#include "shell/shell.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/server_address.h"
#include "config/zk_properties.h"

#define CF_SERVER "server."

/* ---- config ------------------------------------------------------------- */

/* Is the property "server.N"? */
static bool
cf_server_id(const struct zk_property *p, int64_t *sid)
{
    return strncmp(p->key, CF_SERVER, strlen(CF_SERVER)) == 0
           && config_parse_long(p->key + strlen(CF_SERVER), sid);
}

/* "VERSION host:port,host:port" of a membership (Java: ConfigUtils). */
static int
cf_client_string(struct zk_slice config, struct zk_buf *out,
                 struct zk_errmsg *em)
{
    struct zk_properties props = { 0 };
    const struct zk_property *version;
    const char *comma = "";
    int rv = zk_properties_parse(config.p, (size_t) config.len,
                                 "/zookeeper/config", &props, em);

    version = zk_properties_find(&props, "version");
    zk_buf_printf(out, "%s ", version == NULL ? "" : version->value);
    for (size_t i = 0; i < props.n && rv == ZK_OK; i++) {
        struct server_address a;
        int64_t sid;

        if (!cf_server_id(&props.all[i], &sid)) {
            continue;
        }
        rv = server_address_parse(sid, props.all[i].value, true, &a, em);
        zk_buf_printf(out, "%s", comma);
        if (rv == ZK_OK && a.client.port > 0) {
            zk_buf_printf(out, "%s:%d", a.client.host, a.client.port);
        }
        comma = ",";
        server_address_fini(&a);
    }
    zk_properties_fini(&props);
    zk_buf_append(out, "", 1);
    return rv;
}

static enum cli_code
cf_print(struct shell *sh, struct zk_slice config, bool clients)
{
    struct zk_buf text = { 0 };
    struct zk_errmsg em;
    enum cli_code code = CLI_OK;

    if (zk_slice_is_null(config)) {
        config = ZK_SLICE_LIT("null");
    }
    if (!clients) {
        zk_buf_append(&text, config.p, (size_t) config.len);
        zk_buf_append(&text, "", 1);
    } else if (cf_client_string(config, &text, &em) != ZK_OK) {
        code = shell_fail_text(sh, "%s", em.text);
    }
    if (code == CLI_OK) {
        output_text(&sh->out, "config", (const char *) text.data);
    }
    zk_buf_fini(&text);
    return code;
}

enum cli_code
cmd_config(struct shell *sh, const struct parsed_line *line)
{
    struct zk_op op = zk_op_get_config(options_has(line, "w"));
    struct link_answer a;
    enum cli_code code = shell_ask(sh, &op, &a);

    if (code == CLI_OK) {
        code = cf_print(sh, a.data, options_has(line, "c"));
    }
    if (code == CLI_OK && options_has(line, "s")) {
        output_stat(&sh->out, &a.stat);
    }
    link_answer_fini(&a);
    return code;
}

/* ---- reconfig ----------------------------------------------------------- */

/* The value of an option in small letters, as Java sends it; NULL without. */
static char *
cf_lower(const struct parsed_line *line, const char *option)
{
    const char *value = options_value(line, option);
    char *copy;

    if (value == NULL) {
        return NULL;
    }
    copy = zk_xstrdup(value);
    for (char *p = copy; *p != '\0'; p++) {
        *p = (char) tolower((unsigned char) *p);
    }
    return copy;
}

/* What of a file tells about members, checked as far as a client can. */
static int
cf_members_of(const struct zk_properties *props, struct zk_buf *out,
              struct zk_errmsg *em)
{
    int rv = ZK_OK;

    for (size_t i = 0; i < props->n && rv == ZK_OK; i++) {
        const struct zk_property *p = &props->all[i];
        struct server_address a;
        int64_t sid;

        if (cf_server_id(p, &sid)) {
            rv = server_address_parse(sid, p->value, true, &a, em);
            server_address_fini(&a);
        } else if (strncmp(p->key, "group.", 6) != 0
                   && strncmp(p->key, "weight.", 7) != 0) {
            continue;
        }
        zk_buf_printf(out, "%s=%s\n", p->key, p->value);
    }
    zk_buf_append(out, "", 1);
    return rv;
}

static char *
cf_read_members(struct shell *sh, const char *path)
{
    struct zk_properties props = { 0 };
    struct zk_buf text = { 0 };
    struct zk_errmsg em;
    int rv = zk_properties_read(path, &props, &em);

    if (rv == ZK_OK) {
        rv = cf_members_of(&props, &text, &em);
    }
    if (rv == ZK_OK && text.len == 1) {
        rv = zk_fail(&em, ZK_ECONFIG, "no server.N line");
    }
    zk_properties_fini(&props);
    if (rv == ZK_OK) {
        return (char *) text.data;
    }
    (void) shell_fail_text(sh, "Error processing %s: %s", path, em.text);
    zk_buf_fini(&text);
    return NULL;
}

/* Java's Long.parseLong(text, 16). */
static bool
cf_parse_hex(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *end;

    if (!isxdigit((unsigned char) *digits) || digits[1] == 'x'
        || digits[1] == 'X' || strlen(digits) > 16) {
        return false;
    }
    *out = strtoimax(text, &end, 16);
    return *end == '\0';
}

static bool
cf_check_modes(struct shell *sh, const struct parsed_line *line)
{
    bool file = options_has(line, "file");
    bool members = options_has(line, "members");
    bool steps = options_has(line, "add") || options_has(line, "remove");

    if (!file && !members && !steps) {
        (void) shell_fail_usage(sh, "reconfig");
    } else if ((file || members) && steps) {
        (void) shell_fail_text(sh, "Can't use -file or -members together with "
                               "-add or -remove (mixing incremental and "
                               "non-incremental modes is not allowed)");
    } else if (file && members) {
        (void) shell_fail_text(sh, "Can't use -file and -members together "
                               "(conflicting non-incremental modes)");
    } else {
        return true;
    }
    return false;
}

static enum cli_code
cf_reconfig(struct shell *sh, const struct zk_op *op, bool with_stat)
{
    struct link_answer a;
    int32_t err = shell_link_call(sh->link, op, &a);

    if (err == KE_OK) {
        output_printf(&sh->out, "Committed new configuration:\n");
        (void) cf_print(sh, a.data, false);
        if (with_stat) {
            output_stat(&sh->out, &a.stat);
        }
    }
    link_answer_fini(&a);
    return err == KE_OK ? CLI_OK : shell_fail(sh, err, "");
}

enum cli_code
cmd_reconfig(struct shell *sh, const struct parsed_line *line)
{
    const char *version = options_value(line, "v");
    const char *file = options_value(line, "file");
    char *joining, *leaving, *members;
    enum cli_code code = CLI_FAILED;
    int64_t config_id = -1;

    if (!cf_check_modes(sh, line)) {
        return CLI_FAILED;
    }
    if (version != NULL && !cf_parse_hex(version, &config_id)) {
        return shell_fail_text(sh, "-v must be followed by a long "
                               "(configuration version)");
    }
    joining = cf_lower(line, "add");
    leaving = cf_lower(line, "remove");
    members = file != NULL ? cf_read_members(sh, file)
                           : cf_lower(line, "members");
    if (file == NULL || members != NULL) {
        struct zk_op op = zk_op_reconfig(joining, leaving, members,
                                         config_id);

        code = cf_reconfig(sh, &op, options_has(line, "s"));
    }
    free(joining);
    free(leaving);
    free(members);
    return code;
}
