/* SPDX-License-Identifier: Apache-2.0 */
/* Server lines, myid and the dynamic file, as they become an ensemble. */
#include <config.h>

#include "test/unit/config_case.h"

/* The membership of c, which is destroyed. */
static void
check_membership(struct server_config *c, const char *want)
{
    char *text = server_config_membership(c);

    CU_ASSERT_STRING_EQUAL(text, want);
    free(text);
    server_config_destroy(c);
}

static void
test_one_server_line_is_standalone(void)
{
    struct server_config *c = cfg_takes(BASE "server.1=h:2888:3888\n");

    CU_ASSERT_FALSE(server_config_is_distributed(c));
    CU_ASSERT_EQUAL(c->quorum.n_servers, 1);
    check_membership(c, "server.1=h:2888:3888:participant\nversion=0");
    check_membership(cfg_takes(BASE), "");
}

static void
test_ensemble(void)
{
    struct server_config *c;

    cfg_write("myid", "2\nmore\n");
    c = cfg_takes("dataDir=$D\ninitLimit=5\nsyncLimit=2\n"
                  "server.10=c:1:2:observer\nserver.2=b:1:2;127.0.0.1:2182\n"
                  "server.1=[::1]:1:2;2181\nversion=1f\n");
    CU_ASSERT(server_config_is_distributed(c));
    CU_ASSERT_EQUAL(c->myid, 2);
    /* Its own line says where it serves clients. */
    CU_ASSERT_EQUAL(c->cnxn.client.port, 2182);
    CU_ASSERT_STRING_EQUAL(c->cnxn.client.host, "127.0.0.1");
    check_membership(c, "server.1=[::1]:1:2:participant;0.0.0.0:2181\n"
                     "server.2=b:1:2:participant;127.0.0.1:2182\n"
                     "server.10=c:1:2:observer\nversion=1f");
}

static void
test_groups_and_weights(void)
{
    struct server_config *c;

    cfg_write("myid", "1");
    c = cfg_takes(BASE "initLimit=5\nsyncLimit=2\n" QUORUM
                  "group.1=1:3\ngroup.2=2\nweight.3=0\n");
    CU_ASSERT(c->quorum.hierarchical);
    check_membership(c, "server.1=a:2888:3888:participant\n"
                     "server.2=b:2888:3888:participant\n"
                     "server.3=c:2888:3888:participant\n"
                     "group.1=1:3\ngroup.2=2\n"
                     "weight.1=1\nweight.2=1\nweight.3=0\nversion=0");
}

static void
test_mistakes_in_membership(void)
{
    cfg_refuses(BASE "server.x=h:1:2\n",
                "$D/zoo.cfg:3: server.x=h:1:2: no server or group number "
                "behind the dot");
    cfg_refuses(BASE "server.-1=h:1:2\n",
                "$D/zoo.cfg:3: server.-1=h:1:2: no server or group number "
                "behind the dot");
    cfg_refuses(BASE "server.1=h:1\n",
                "$D/zoo.cfg:3: server.1=h:1: not host:quorumPort:"
                "electionPort[:role] with [;[host:]clientPort] behind it");
    cfg_refuses(BASE "server.1=h:1:2\nserver.01=h:3:4\n",
                "$D/zoo.cfg:4: server.01=h:3:4: there is a line for that "
                "server already");
    cfg_refuses(BASE "groupie=1\n",
                "$D/zoo.cfg:3: groupie=1: no server or group number behind "
                "the dot");
    cfg_refuses(BASE "server.1=h:1:2\ngroup.1=1:x\n",
                "$D/zoo.cfg:4: group.1=1:x: not server ids with ':' between "
                "them");
    cfg_refuses(BASE "server.1=h:1:2\ngroup.1=1\ngroup.2=1\n",
                "$D/zoo.cfg:5: group.2=1: a server of it is in another "
                "group too");
    cfg_refuses(BASE "server.1=h:1:2\ngroup.1=2\n",
                "$D/zoo.cfg: group.1 names server 2, which has no line");
    cfg_refuses(BASE "server.1=h:1:2\nweight.1=1\n",
                "$D/zoo.cfg: server 1 is in no group");
    cfg_refuses(BASE "server.1=h:1:2\ngroup.1=1\nweight.1=-1\n",
                "$D/zoo.cfg:5: weight.1=-1: not a weight");
    cfg_refuses(BASE "version=zz\n",
                "$D/zoo.cfg:3: version=zz: not a hexadecimal number");
}

static void
test_servers_that_make_no_ensemble(void)
{
    cfg_refuses(BASE "server.1=h:1:2:observer\n",
                "$D/zoo.cfg: there are observers but no participant");
    cfg_refuses(BASE "server.1=h:1:2\nserver.2=h:1:2:observer\n",
                "$D/zoo.cfg: observers need more than one participant");
    cfg_refuses(BASE "standaloneEnabled=false\n",
                "$D/zoo.cfg: standaloneEnabled=false needs at least one "
                "participant");
    cfg_refuses(BASE "standaloneEnabled=false\nserver.1=h:1:2\n",
                "$D/zoo.cfg: initLimit is not set");
    cfg_refuses(BASE QUORUM, "$D/zoo.cfg: initLimit is not set");
    cfg_refuses(BASE QUORUM "initLimit=5\n",
                "$D/zoo.cfg: syncLimit is not set");
    cfg_refuses(BASE QUORUM "initLimit=-5\nsyncLimit=2\n",
                "$D/zoo.cfg: initLimit must be more than 0");
    cfg_refuses(BASE QUORUM "initLimit=5\nsyncLimit=-2\n",
                "$D/zoo.cfg: syncLimit must be more than 0");
    cfg_refuses(BASE QUORUM "initLimit=5\nsyncLimit=2\n",
                "$D/zoo.cfg: the myid file is missing: $D/myid");
}

static void
test_myid(void)
{
    static const struct {
        const char *text;
        int64_t id;
        const char *message;
    } cases[] = {
        { "7", 7, NULL },
        { "7\r\n", 7, NULL },
        { "+7\nxyz", 7, NULL },
        { "", 0, "$D/myid: serverid  is not a number" },
        { "7 \n", 0, "$D/myid: serverid 7  is not a number" },
        { "abc", 0, "$D/myid: serverid abc is not a number" },
        { "99999999999999999999", 0,
          "$D/myid: serverid 99999999999999999999 is not a number" },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        cfg_write("myid", cases[i].text);
        if (cases[i].message != NULL) {
            cfg_refuses(BASE, cases[i].message);
        } else {
            struct server_config *c = cfg_takes(BASE);

            CU_ASSERT_EQUAL(c->myid, cases[i].id);
            server_config_destroy(c);
        }
    }
}

static void
test_own_client_address_may_not_contradict(void)
{
    cfg_write("myid", "1\n");
    cfg_refuses(BASE "server.1=h:1:2;2191\n",
                "$D/zoo.cfg: server.1 serves clients at 0.0.0.0:2191, but "
                "clientPort says 0.0.0.0:2181");
    cfg_refuses(BASE "clientPortAddress=127.0.0.1\n"
                "server.1=h:1:2;127.0.0.2:2181\n",
                "$D/zoo.cfg: server.1 serves clients at 127.0.0.2:2181, but "
                "clientPort says 127.0.0.1:2181");
    server_config_destroy(cfg_takes(BASE "server.1=h:1:2;127.0.0.2:2181\n"));
    server_config_destroy(cfg_takes(BASE "server.2=h:1:2;2191\n"));
}

static void
test_several_addresses(void)
{
    static const char *const options[] = {
        "-Dzookeeper.multiAddress.enabled=true", NULL
    };
    static const char lines[] = BASE "server.1=a:1:2|b:1:2\n";

    cfg_refuses(lines,
                "$D/zoo.cfg:3: server.1=a:1:2|b:1:2: several addresses, but "
                "multiAddress.enabled is not true");
    server_config_destroy(cfg_takes_with(lines, options));
    server_config_destroy(cfg_takes(BASE "multiAddress.enabled=true\n"
                                    "server.1=a:1:2|b:1:2\n"));
}

static void
test_dynamic_file(void)
{
    static const char cfg[] = "dataDir=$D\ninitLimit=5\nsyncLimit=2\n"
                              "dynamicConfigFile=$D/zoo.cfg.dynamic.1a\n";
    struct server_config *c;

    cfg_write("myid", "1\n");
    cfg_write("zoo.cfg.dynamic.1a", "server.1=a:1:2:participant;2181\n"
               "server.2=b:1:2:participant;2181");
    c = cfg_takes(cfg);
    CU_ASSERT(server_config_is_distributed(c));
    CU_ASSERT_EQUAL(c->quorum.version, 0x1a);
    CU_ASSERT_EQUAL(c->cnxn.client.port, 2181);
    check_membership(c, "server.1=a:1:2:participant;0.0.0.0:2181\n"
                     "server.2=b:1:2:participant;0.0.0.0:2181\n"
                     "version=1a");
    cfg_write("zoo.cfg.dynamic.1a", "server.1=a:1:2\nversion=1\n");
    cfg_refuses(cfg, "$D/zoo.cfg.dynamic.1a:2: version=1: the version "
                "stands in the name of a dynamic file, not in it");
    cfg_write("zoo.cfg.dynamic.1a", "server.1=a:1:2\ntickTime=1\n");
    cfg_refuses(cfg, "$D/zoo.cfg.dynamic.1a:2: tickTime=1: unknown "
                "key in a dynamic file");
    cfg_refuses("dataDir=$D\ndynamicConfigFile=$D/dyn\nweight.1=1\n",
                "$D/zoo.cfg:3: weight.1=1: must be in the file that "
                "dynamicConfigFile names, not here");
    cfg_write("dyn", "server.1=a:1:2\n");
    c = cfg_takes(BASE "dynamicConfigFile=$D/dyn\n");
    CU_ASSERT_EQUAL(c->quorum.version, 0);
    CU_ASSERT_FALSE(server_config_is_distributed(c));
    server_config_destroy(c);
}

static const struct zk_test tests[] = {
    { "one server line makes no ensemble",
      test_one_server_line_is_standalone },
    { "an ensemble", test_ensemble },
    { "groups and weights", test_groups_and_weights },
    { "mistakes in membership lines", test_mistakes_in_membership },
    { "server lines that make no ensemble",
      test_servers_that_make_no_ensemble },
    { "myid is one number", test_myid },
    { "the own client address agrees with clientPort",
      test_own_client_address_may_not_contradict },
    { "several addresses must be allowed", test_several_addresses },
    { "the dynamic file", test_dynamic_file },
};

CONFIG_CASE_MAIN("config_members", tests)
