/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KEEPER_ERROR(name, code, Java's name, what Java's messages call it).
 *
 * Codes that clients see.  Java clients fail hard on a code that they do not
 * know: nothing may be added that Apache does not have.
 */
KEEPER_ERROR(OK,                         0,    "OK", "ok")
KEEPER_ERROR(SYSTEM_ERROR,              -1,    "SYSTEMERROR", "SystemError")
KEEPER_ERROR(RUNTIME_INCONSISTENCY,     -2,    "RUNTIMEINCONSISTENCY", "RuntimeInconsistency")
KEEPER_ERROR(DATA_INCONSISTENCY,        -3,    "DATAINCONSISTENCY", "DataInconsistency")
KEEPER_ERROR(CONNECTION_LOSS,           -4,    "CONNECTIONLOSS", "ConnectionLoss")
KEEPER_ERROR(MARSHALLING,               -5,    "MARSHALLINGERROR", "MarshallingError")
KEEPER_ERROR(UNIMPLEMENTED,             -6,    "UNIMPLEMENTED", "Unimplemented")
KEEPER_ERROR(OPERATION_TIMEOUT,         -7,    "OPERATIONTIMEOUT", "OperationTimeout")
KEEPER_ERROR(BAD_ARGUMENTS,             -8,    "BADARGUMENTS", "BadArguments")
KEEPER_ERROR(UNKNOWN_SESSION,           -12,   "UNKNOWNSESSION", "UnknownSession")
KEEPER_ERROR(NEW_CONFIG_NO_QUORUM,      -13,   "NEWCONFIGNOQUORUM", "NewConfigNoQuorum")
KEEPER_ERROR(RECONFIG_IN_PROGRESS,      -14,   "RECONFIGINPROGRESS", "ReconfigInProgress")
KEEPER_ERROR(API_ERROR,                 -100,  "APIERROR", "APIError")
KEEPER_ERROR(NO_NODE,                   -101,  "NONODE", "NoNode")
KEEPER_ERROR(NO_AUTH,                   -102,  "NOAUTH", "NoAuth")
KEEPER_ERROR(BAD_VERSION,               -103,  "BADVERSION", "BadVersion")
KEEPER_ERROR(NO_CHILDREN_FOR_EPHEMERALS, -108, "NOCHILDRENFOREPHEMERALS", "NoChildrenForEphemerals")
KEEPER_ERROR(NODE_EXISTS,               -110,  "NODEEXISTS", "NodeExists")
KEEPER_ERROR(NOT_EMPTY,                 -111,  "NOTEMPTY", "Directory not empty")
KEEPER_ERROR(SESSION_EXPIRED,           -112,  "SESSIONEXPIRED", "Session expired")
KEEPER_ERROR(INVALID_CALLBACK,          -113,  "INVALIDCALLBACK", "Invalid callback")
KEEPER_ERROR(INVALID_ACL,               -114,  "INVALIDACL", "InvalidACL")
KEEPER_ERROR(AUTH_FAILED,               -115,  "AUTHFAILED", "AuthFailed")
KEEPER_ERROR(SESSION_MOVED,             -118,  "SESSIONMOVED", "Session moved")
KEEPER_ERROR(NOT_READ_ONLY,             -119,  "NOTREADONLY", "Not a read-only call")
KEEPER_ERROR(EPHEMERAL_ON_LOCAL_SESSION, -120, "EPHEMERALONLOCALSESSION", "Ephemeral node on local session")
KEEPER_ERROR(NO_WATCHER,                -121,  "NOWATCHER", "No such watcher")
KEEPER_ERROR(REQUEST_TIMEOUT,           -122,  "REQUESTTIMEOUT", "Request timeout")
KEEPER_ERROR(RECONFIG_DISABLED,         -123,  "RECONFIGDISABLED", "Reconfig is disabled")
KEEPER_ERROR(SESSION_CLOSED_REQUIRE_AUTH, -124, "SESSIONCLOSEDREQUIRESASLAUTH", "Session closed because client failed to authenticate")
KEEPER_ERROR(QUOTA_EXCEEDED,            -125,  "QUOTAEXCEEDED", "Quota has exceeded")
KEEPER_ERROR(THROTTLED_OP,              -127,  "THROTTLEDOP", "Op throttled due to high load")
