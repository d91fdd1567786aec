/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OP_CODE(name, code, Java's name, last operation as `cons` shows it, kind,
 *         client).
 *
 * kind: W makes a transaction; R is answered from this server's tree; S is
 * neither.  client: 1 when a client may send it as a request of its own.
 * check is only for multi, and deleteContainer for the leader's container
 * manager: let in from a client, both end Java servers.
 */
OP_CODE(NOTIFICATION,            0,   "notification",         "NA",     S, 0)
OP_CODE(CREATE,                  1,   "create",               "CREA",   W, 1)
OP_CODE(DELETE,                  2,   "delete",               "DELE",   W, 1)
OP_CODE(EXISTS,                  3,   "exists",               "EXIS",   R, 1)
OP_CODE(GET_DATA,                4,   "getData",              "GETD",   R, 1)
OP_CODE(SET_DATA,                5,   "setData",              "SETD",   W, 1)
OP_CODE(GET_ACL,                 6,   "getACL",               "GETA",   R, 1)
OP_CODE(SET_ACL,                 7,   "setACL",               "SETA",   W, 1)
OP_CODE(GET_CHILDREN,            8,   "getChildren",          "GETC",   R, 1)
OP_CODE(SYNC,                    9,   "sync",                 "SYNC",   S, 1)
OP_CODE(PING,                    11,  "ping",                 "PING",   S, 1)
OP_CODE(GET_CHILDREN2,           12,  "getChildren2",         "GETC",   R, 1)
OP_CODE(CHECK,                   13,  "check",                "CHEC",   W, 0)
OP_CODE(MULTI,                   14,  "multi",                "MULT",   W, 1)
OP_CODE(CREATE2,                 15,  "create2",              "CREA",   W, 1)
OP_CODE(RECONFIG,                16,  "reconfig",             "RECO",   W, 1)
OP_CODE(CHECK_WATCHES,           17,  "checkWatches",         "CHKW",   R, 1)
OP_CODE(REMOVE_WATCHES,          18,  "removeWatches",        "REMW",   R, 1)
OP_CODE(CREATE_CONTAINER,        19,  "createContainer",      "CREA",   W, 1)
OP_CODE(DELETE_CONTAINER,        20,  "deleteContainer",      "DELE",   W, 0)
OP_CODE(CREATE_TTL,              21,  "createTtl",            "CREA",   W, 1)
OP_CODE(MULTI_READ,              22,  "multiRead",            "MLTR",   R, 1)
OP_CODE(AUTH,                    100, "auth",                 "NA",     S, 1)
OP_CODE(SET_WATCHES,             101, "setWatches",           "SETW",   R, 1)
OP_CODE(SASL,                    102, "sasl",                 "NA",     S, 1)
OP_CODE(GET_EPHEMERALS,          103, "getEphemerals",        "GETE",   R, 1)
OP_CODE(GET_ALL_CHILDREN_NUMBER, 104, "getAllChildrenNumber", "GETACN", R, 1)
OP_CODE(SET_WATCHES2,            105, "setWatches2",          "STW2",   R, 1)
OP_CODE(ADD_WATCH,               106, "addWatch",             "ADDW",   R, 1)
OP_CODE(WHO_AM_I,                107, "whoAmI",               "HOMI",   R, 1)
OP_CODE(CREATE_SESSION,          -10, "createSession",        "SESS",   W, 0)
OP_CODE(CLOSE_SESSION,           -11, "closeSession",         "CLOS",   W, 1)
OP_CODE(ERROR,                   -1,  "error",                "NA",     W, 0)
