/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GOLDEN(record, bytes, text, bytes, text): bytes in hex that Java's record
 * classes (3.8.0) wrote, and what print makes of them: first with every field
 * set, then with negative numbers, and null wherever null can be.
 */
GOLDEN(id,
       "0000000a2f736368656d65c3a931000000062f6964c3a932",
       "Id{scheme=\"/schemeé1\", id=\"/idé2\"}",
       "ffffffffffffffff",
       "Id{scheme=null, id=null}")
GOLDEN(acl,
       "010203010000000a2f736368656d65c3a933000000062f6964c3a934",
       "ACL{perms=16909057, id=Id{scheme=\"/schemeé3\", id=\"/idé4\"}}",
       "ffffffffffffffffffffffff",
       "ACL{perms=-1, id=Id{scheme=null, id=null}}")
GOLDEN(stat,
       "01020304050607010102030405060702010203040506070301020304050607040102"
       "030501020306010203070102030405060708010203090102030a010203040506070b",
       "Stat{czxid=0x102030405060701, mzxid=0x102030405060702, ctime=7262385"
       "9790382851, mtime=72623859790382852, version=16909061, cversion=1690"
       "9062, aversion=16909063, ephemeralOwner=0x102030405060708, dataLengt"
       "h=16909065, numChildren=16909066, pzxid=0x10203040506070b}",
       "fffffffffffffffffffffffffffffffefffffffffffffffdfffffffffffffffcffff"
       "fffbfffffffafffffff9fffffffffffffff8fffffff7fffffff6fffffffffffffff5",
       "Stat{czxid=0xffffffffffffffff, mzxid=0xfffffffffffffffe, ctime=-3, m"
       "time=-4, version=-5, cversion=-6, aversion=-7, ephemeralOwner=0xffff"
       "fffffffffff8, dataLength=-9, numChildren=-10, pzxid=0xffffffffffffff"
       "f5}")
GOLDEN(stat_persisted,
       "01020304050607010102030405060702010203040506070301020304050607040102"
       "0305010203060102030701020304050607080102030405060709",
       "StatPersisted{czxid=0x102030405060701, mzxid=0x102030405060702, ctim"
       "e=72623859790382851, mtime=72623859790382852, version=16909061, cver"
       "sion=16909062, aversion=16909063, ephemeralOwner=0x102030405060708, "
       "pzxid=0x102030405060709}",
       "fffffffffffffffffffffffffffffffefffffffffffffffdfffffffffffffffcffff"
       "fffbfffffffafffffff9fffffffffffffff8fffffffffffffff7",
       "StatPersisted{czxid=0xffffffffffffffff, mzxid=0xfffffffffffffffe, ct"
       "ime=-3, mtime=-4, version=-5, cversion=-6, aversion=-7, ephemeralOwn"
       "er=0xfffffffffffffff8, pzxid=0xfffffffffffffff7}")
GOLDEN(connect_request,
       "010203010102030405060702010203030102030405060704000000020585",
       "ConnectRequest{protocolVersion=16909057, lastZxidSeen=0x102030405060"
       "702, timeOut=16909059, sessionId=0x102030405060704, passwd=0x0585}",
       "fffffffffffffffffffffffefffffffdfffffffffffffffcffffffff",
       "ConnectRequest{protocolVersion=-1, lastZxidSeen=0xfffffffffffffffe, "
       "timeOut=-3, sessionId=0xfffffffffffffffc, passwd=null}")
GOLDEN(connect_response,
       "01020301010203020102030405060703000000020484",
       "ConnectResponse{protocolVersion=16909057, timeOut=16909058, sessionI"
       "d=0x102030405060703, passwd=0x0484}",
       "fffffffffffffffefffffffffffffffdffffffff",
       "ConnectResponse{protocolVersion=-1, timeOut=-2, sessionId=0xffffffff"
       "fffffffd, passwd=null}")
GOLDEN(request_header,
       "0102030101020302",
       "RequestHeader{xid=16909057, type=16909058}",
       "fffffffffffffffe",
       "RequestHeader{xid=-1, type=-2}")
GOLDEN(reply_header,
       "01020301010203040506070201020303",
       "ReplyHeader{xid=16909057, zxid=0x102030405060702, err=16909059}",
       "fffffffffffffffffffffffefffffffd",
       "ReplyHeader{xid=-1, zxid=0xfffffffffffffffe, err=-3}")
GOLDEN(auth_packet,
       "010203010000000a2f736368656d65c3a932000000020383",
       "AuthPacket{type=16909057, scheme=\"/schemeé2\", auth=0x0383}",
       "ffffffffffffffffffffffff",
       "AuthPacket{type=-1, scheme=null, auth=null}")
GOLDEN(get_sasl_request,
       "000000020181",
       "GetSASLRequest{token=0x0181}",
       "ffffffff",
       "GetSASLRequest{token=null}")
GOLDEN(set_sasl_request,
       "000000020181",
       "SetSASLRequest{token=0x0181}",
       "ffffffff",
       "SetSASLRequest{token=null}")
GOLDEN(set_sasl_response,
       "000000020181",
       "SetSASLResponse{token=0x0181}",
       "ffffffff",
       "SetSASLResponse{token=null}")
GOLDEN(client_info,
       "0000000e2f61757468536368656d65c3a931000000082f75736572c3a932",
       "ClientInfo{authScheme=\"/authSchemeé1\", user=\"/useré2\"}",
       "ffffffffffffffff",
       "ClientInfo{authScheme=null, user=null}")
GOLDEN(who_am_i_response,
       "000000020000000e2f61757468536368656d65c3a933000000082f75736572c3a934"
       "0000000e2f61757468536368656d65c3a936000000082f75736572c3a937",
       "WhoAmIResponse{clientInfo=[ClientInfo{authScheme=\"/authSchemeé3\", "
       "user=\"/useré4\"}, ClientInfo{authScheme=\"/authSchemeé6\", user=\"/"
       "useré7\"}]}",
       "ffffffff",
       "WhoAmIResponse{clientInfo=null}")
GOLDEN(exists_request,
       "000000082f70617468c3a93101",
       "ExistsRequest{path=\"/pathé1\", watch=true}",
       "ffffffff00",
       "ExistsRequest{path=null, watch=false}")
GOLDEN(exists_response,
       "01020304050607020102030405060703010203040506070401020304050607050102"
       "0306010203070102030801020304050607090102030a0102030b010203040506070c",
       "ExistsResponse{stat=Stat{czxid=0x102030405060702, mzxid=0x1020304050"
       "60703, ctime=72623859790382852, mtime=72623859790382853, version=169"
       "09062, cversion=16909063, aversion=16909064, ephemeralOwner=0x102030"
       "405060709, dataLength=16909066, numChildren=16909067, pzxid=0x102030"
       "40506070c}}",
       "fffffffffffffffefffffffffffffffdfffffffffffffffcfffffffffffffffbffff"
       "fffafffffff9fffffff8fffffffffffffff7fffffff6fffffff5fffffffffffffff4",
       "ExistsResponse{stat=Stat{czxid=0xfffffffffffffffe, mzxid=0xfffffffff"
       "ffffffd, ctime=-4, mtime=-5, version=-6, cversion=-7, aversion=-8, e"
       "phemeralOwner=0xfffffffffffffff7, dataLength=-10, numChildren=-11, p"
       "zxid=0xfffffffffffffff4}}")
GOLDEN(get_data_request,
       "000000082f70617468c3a93101",
       "GetDataRequest{path=\"/pathé1\", watch=true}",
       "ffffffff00",
       "GetDataRequest{path=null, watch=false}")
GOLDEN(get_data_response,
       "00000002018101020304050607030102030405060704010203040506070501020304"
       "05060706010203070102030801020309010203040506070a0102030b0102030c0102"
       "03040506070d",
       "GetDataResponse{data=0x0181, stat=Stat{czxid=0x102030405060703, mzxi"
       "d=0x102030405060704, ctime=72623859790382853, mtime=7262385979038285"
       "4, version=16909063, cversion=16909064, aversion=16909065, ephemeral"
       "Owner=0x10203040506070a, dataLength=16909067, numChildren=16909068, "
       "pzxid=0x10203040506070d}}",
       "fffffffffffffffffffffffdfffffffffffffffcfffffffffffffffbffffffffffff"
       "fffafffffff9fffffff8fffffff7fffffffffffffff6fffffff5fffffff4ffffffff"
       "fffffff3",
       "GetDataResponse{data=null, stat=Stat{czxid=0xfffffffffffffffd, mzxid"
       "=0xfffffffffffffffc, ctime=-5, mtime=-6, version=-7, cversion=-8, av"
       "ersion=-9, ephemeralOwner=0xfffffffffffffff6, dataLength=-11, numChi"
       "ldren=-12, pzxid=0xfffffffffffffff3}}")
GOLDEN(get_acl_request,
       "000000082f70617468c3a931",
       "GetACLRequest{path=\"/pathé1\"}",
       "ffffffff",
       "GetACLRequest{path=null}")
GOLDEN(get_acl_response,
       "00000002010203030000000a2f736368656d65c3a935000000062f6964c3a9360102"
       "03080000000b2f736368656d65c3a93130000000072f6964c3a93131010203040506"
       "070d010203040506070e010203040506070f01020304050607100102031101020312"
       "01020313010203040506071401020315010203160102030405060717",
       "GetACLResponse{acl=[ACL{perms=16909059, id=Id{scheme=\"/schemeé5\", "
       "id=\"/idé6\"}}, ACL{perms=16909064, id=Id{scheme=\"/schemeé10\", id="
       "\"/idé11\"}}], stat=Stat{czxid=0x10203040506070d, mzxid=0x1020304050"
       "6070e, ctime=72623859790382863, mtime=72623859790382864, version=169"
       "09073, cversion=16909074, aversion=16909075, ephemeralOwner=0x102030"
       "405060714, dataLength=16909077, numChildren=16909078, pzxid=0x102030"
       "405060717}}",
       "fffffffffffffffffffffffdfffffffffffffffcfffffffffffffffbffffffffffff"
       "fffafffffff9fffffff8fffffff7fffffffffffffff6fffffff5fffffff4ffffffff"
       "fffffff3",
       "GetACLResponse{acl=null, stat=Stat{czxid=0xfffffffffffffffd, mzxid=0"
       "xfffffffffffffffc, ctime=-5, mtime=-6, version=-7, cversion=-8, aver"
       "sion=-9, ephemeralOwner=0xfffffffffffffff6, dataLength=-11, numChild"
       "ren=-12, pzxid=0xfffffffffffffff3}}")
GOLDEN(get_children_request,
       "000000082f70617468c3a93101",
       "GetChildrenRequest{path=\"/pathé1\", watch=true}",
       "ffffffff00",
       "GetChildrenRequest{path=null, watch=false}")
GOLDEN(get_children_response,
       "000000020000000c2f6368696c6472656ec3a9320000000c2f6368696c6472656ec3"
       "a933",
       "GetChildrenResponse{children=[\"/childrené2\", \"/childrené3\"]}",
       "ffffffff",
       "GetChildrenResponse{children=null}")
GOLDEN(get_children2_request,
       "000000082f70617468c3a93101",
       "GetChildren2Request{path=\"/pathé1\", watch=true}",
       "ffffffff00",
       "GetChildren2Request{path=null, watch=false}")
GOLDEN(get_children2_response,
       "000000020000000c2f6368696c6472656ec3a9320000000c2f6368696c6472656ec3"
       "a9330102030405060705010203040506070601020304050607070102030405060708"
       "010203090102030a0102030b010203040506070c0102030d0102030e010203040506"
       "070f",
       "GetChildren2Response{children=[\"/childrené2\", \"/childrené3\"], st"
       "at=Stat{czxid=0x102030405060705, mzxid=0x102030405060706, ctime=7262"
       "3859790382855, mtime=72623859790382856, version=16909065, cversion=1"
       "6909066, aversion=16909067, ephemeralOwner=0x10203040506070c, dataLe"
       "ngth=16909069, numChildren=16909070, pzxid=0x10203040506070f}}",
       "fffffffffffffffffffffffdfffffffffffffffcfffffffffffffffbffffffffffff"
       "fffafffffff9fffffff8fffffff7fffffffffffffff6fffffff5fffffff4ffffffff"
       "fffffff3",
       "GetChildren2Response{children=null, stat=Stat{czxid=0xffffffffffffff"
       "fd, mzxid=0xfffffffffffffffc, ctime=-5, mtime=-6, version=-7, cversi"
       "on=-8, aversion=-9, ephemeralOwner=0xfffffffffffffff6, dataLength=-1"
       "1, numChildren=-12, pzxid=0xfffffffffffffff3}}")
GOLDEN(get_all_children_number_request,
       "000000082f70617468c3a931",
       "GetAllChildrenNumberRequest{path=\"/pathé1\"}",
       "ffffffff",
       "GetAllChildrenNumberRequest{path=null}")
GOLDEN(get_all_children_number_response,
       "01020301",
       "GetAllChildrenNumberResponse{totalNumber=16909057}",
       "ffffffff",
       "GetAllChildrenNumberResponse{totalNumber=-1}")
GOLDEN(get_ephemerals_request,
       "0000000e2f70726566697850617468c3a931",
       "GetEphemeralsRequest{prefixPath=\"/prefixPathé1\"}",
       "ffffffff",
       "GetEphemeralsRequest{prefixPath=null}")
GOLDEN(get_ephemerals_response,
       "000000020000000e2f657068656d6572616c73c3a9320000000e2f657068656d6572"
       "616c73c3a933",
       "GetEphemeralsResponse{ephemerals=[\"/ephemeralsé2\", \"/ephemeralsé3"
       "\"]}",
       "ffffffff",
       "GetEphemeralsResponse{ephemerals=null}")
GOLDEN(sync_request,
       "000000082f70617468c3a931",
       "SyncRequest{path=\"/pathé1\"}",
       "ffffffff",
       "SyncRequest{path=null}")
GOLDEN(sync_response,
       "000000082f70617468c3a931",
       "SyncResponse{path=\"/pathé1\"}",
       "ffffffff",
       "SyncResponse{path=null}")
GOLDEN(create_request,
       "000000082f70617468c3a93100000002028200000002010203050000000a2f736368"
       "656d65c3a937000000062f6964c3a9380102030a0000000b2f736368656d65c3a931"
       "32000000072f6964c3a931330102030e",
       "CreateRequest{path=\"/pathé1\", data=0x0282, acl=[ACL{perms=16909061"
       ", id=Id{scheme=\"/schemeé7\", id=\"/idé8\"}}, ACL{perms=16909066, id"
       "=Id{scheme=\"/schemeé12\", id=\"/idé13\"}}], flags=16909070}",
       "fffffffffffffffffffffffffffffffc",
       "CreateRequest{path=null, data=null, acl=null, flags=-4}")
GOLDEN(create_ttl_request,
       "000000082f70617468c3a93100000002028200000002010203050000000a2f736368"
       "656d65c3a937000000062f6964c3a9380102030a0000000b2f736368656d65c3a931"
       "32000000072f6964c3a931330102030e010203040506070f",
       "CreateTTLRequest{path=\"/pathé1\", data=0x0282, acl=[ACL{perms=16909"
       "061, id=Id{scheme=\"/schemeé7\", id=\"/idé8\"}}, ACL{perms=16909066,"
       " id=Id{scheme=\"/schemeé12\", id=\"/idé13\"}}], flags=16909070, ttl="
       "72623859790382863}",
       "fffffffffffffffffffffffffffffffcfffffffffffffffb",
       "CreateTTLRequest{path=null, data=null, acl=null, flags=-4, ttl=-5}")
GOLDEN(create_response,
       "000000082f70617468c3a931",
       "CreateResponse{path=\"/pathé1\"}",
       "ffffffff",
       "CreateResponse{path=null}")
GOLDEN(create2_response,
       "000000082f70617468c3a93101020304050607030102030405060704010203040506"
       "07050102030405060706010203070102030801020309010203040506070a0102030b"
       "0102030c010203040506070d",
       "Create2Response{path=\"/pathé1\", stat=Stat{czxid=0x102030405060703,"
       " mzxid=0x102030405060704, ctime=72623859790382853, mtime=72623859790"
       "382854, version=16909063, cversion=16909064, aversion=16909065, ephe"
       "meralOwner=0x10203040506070a, dataLength=16909067, numChildren=16909"
       "068, pzxid=0x10203040506070d}}",
       "fffffffffffffffffffffffdfffffffffffffffcfffffffffffffffbffffffffffff"
       "fffafffffff9fffffff8fffffff7fffffffffffffff6fffffff5fffffff4ffffffff"
       "fffffff3",
       "Create2Response{path=null, stat=Stat{czxid=0xfffffffffffffffd, mzxid"
       "=0xfffffffffffffffc, ctime=-5, mtime=-6, version=-7, cversion=-8, av"
       "ersion=-9, ephemeralOwner=0xfffffffffffffff6, dataLength=-11, numChi"
       "ldren=-12, pzxid=0xfffffffffffffff3}}")
GOLDEN(delete_request,
       "000000082f70617468c3a93101020302",
       "DeleteRequest{path=\"/pathé1\", version=16909058}",
       "fffffffffffffffe",
       "DeleteRequest{path=null, version=-2}")
GOLDEN(set_data_request,
       "000000082f70617468c3a93100000002028201020303",
       "SetDataRequest{path=\"/pathé1\", data=0x0282, version=16909059}",
       "fffffffffffffffffffffffd",
       "SetDataRequest{path=null, data=null, version=-3}")
GOLDEN(set_data_response,
       "01020304050607020102030405060703010203040506070401020304050607050102"
       "0306010203070102030801020304050607090102030a0102030b010203040506070c",
       "SetDataResponse{stat=Stat{czxid=0x102030405060702, mzxid=0x102030405"
       "060703, ctime=72623859790382852, mtime=72623859790382853, version=16"
       "909062, cversion=16909063, aversion=16909064, ephemeralOwner=0x10203"
       "0405060709, dataLength=16909066, numChildren=16909067, pzxid=0x10203"
       "040506070c}}",
       "fffffffffffffffefffffffffffffffdfffffffffffffffcfffffffffffffffbffff"
       "fffafffffff9fffffff8fffffffffffffff7fffffff6fffffff5fffffffffffffff4",
       "SetDataResponse{stat=Stat{czxid=0xfffffffffffffffe, mzxid=0xffffffff"
       "fffffffd, ctime=-4, mtime=-5, version=-6, cversion=-7, aversion=-8, "
       "ephemeralOwner=0xfffffffffffffff7, dataLength=-10, numChildren=-11, "
       "pzxid=0xfffffffffffffff4}}")
GOLDEN(set_acl_request,
       "000000082f70617468c3a93100000002010203040000000a2f736368656d65c3a936"
       "000000062f6964c3a937010203090000000b2f736368656d65c3a93131000000072f"
       "6964c3a931320102030d",
       "SetACLRequest{path=\"/pathé1\", acl=[ACL{perms=16909060, id=Id{schem"
       "e=\"/schemeé6\", id=\"/idé7\"}}, ACL{perms=16909065, id=Id{scheme=\""
       "/schemeé11\", id=\"/idé12\"}}], version=16909069}",
       "fffffffffffffffffffffffd",
       "SetACLRequest{path=null, acl=null, version=-3}")
GOLDEN(set_acl_response,
       "01020304050607020102030405060703010203040506070401020304050607050102"
       "0306010203070102030801020304050607090102030a0102030b010203040506070c",
       "SetACLResponse{stat=Stat{czxid=0x102030405060702, mzxid=0x1020304050"
       "60703, ctime=72623859790382852, mtime=72623859790382853, version=169"
       "09062, cversion=16909063, aversion=16909064, ephemeralOwner=0x102030"
       "405060709, dataLength=16909066, numChildren=16909067, pzxid=0x102030"
       "40506070c}}",
       "fffffffffffffffefffffffffffffffdfffffffffffffffcfffffffffffffffbffff"
       "fffafffffff9fffffff8fffffffffffffff7fffffff6fffffff5fffffffffffffff4",
       "SetACLResponse{stat=Stat{czxid=0xfffffffffffffffe, mzxid=0xfffffffff"
       "ffffffd, ctime=-4, mtime=-5, version=-6, cversion=-7, aversion=-8, e"
       "phemeralOwner=0xfffffffffffffff7, dataLength=-10, numChildren=-11, p"
       "zxid=0xfffffffffffffff4}}")
GOLDEN(check_version_request,
       "000000082f70617468c3a93101020302",
       "CheckVersionRequest{path=\"/pathé1\", version=16909058}",
       "fffffffffffffffe",
       "CheckVersionRequest{path=null, version=-2}")
GOLDEN(reconfig_request,
       "000000122f6a6f696e696e6753657276657273c3a931000000122f6c656176696e67"
       "53657276657273c3a9320000000e2f6e65774d656d62657273c3a933010203040506"
       "0704",
       "ReconfigRequest{joiningServers=\"/joiningServersé1\", leavingServers"
       "=\"/leavingServersé2\", newMembers=\"/newMembersé3\", curConfigId=0x"
       "102030405060704}",
       "fffffffffffffffffffffffffffffffffffffffc",
       "ReconfigRequest{joiningServers=null, leavingServers=null, newMembers"
       "=null, curConfigId=0xfffffffffffffffc}")
GOLDEN(multi_header,
       "010203010101020303",
       "MultiHeader{type=16909057, done=true, err=16909059}",
       "ffffffff00fffffffd",
       "MultiHeader{type=-1, done=false, err=-3}")
GOLDEN(error_response,
       "01020301",
       "ErrorResponse{err=16909057}",
       "ffffffff",
       "ErrorResponse{err=-1}")
GOLDEN(watcher_event,
       "0102030101020302000000082f70617468c3a933",
       "WatcherEvent{type=16909057, state=16909058, path=\"/pathé3\"}",
       "fffffffffffffffeffffffff",
       "WatcherEvent{type=-1, state=-2, path=null}")
GOLDEN(set_watches,
       "0102030405060701000000020000000f2f6461746157617463686573c3a933000000"
       "0f2f6461746157617463686573c3a93400000002000000102f657869737457617463"
       "686573c3a936000000102f657869737457617463686573c3a9370000000200000010"
       "2f6368696c6457617463686573c3a939000000112f6368696c6457617463686573c3"
       "a93130",
       "SetWatches{relativeZxid=0x102030405060701, dataWatches=[\"/dataWatch"
       "esé3\", \"/dataWatchesé4\"], existWatches=[\"/existWatchesé6\", \"/e"
       "xistWatchesé7\"], childWatches=[\"/childWatchesé9\", \"/childWatches"
       "é10\"]}",
       "ffffffffffffffffffffffffffffffffffffffff",
       "SetWatches{relativeZxid=0xffffffffffffffff, dataWatches=null, existW"
       "atches=null, childWatches=null}")
GOLDEN(set_watches2,
       "0102030405060701000000020000000f2f6461746157617463686573c3a933000000"
       "0f2f6461746157617463686573c3a93400000002000000102f657869737457617463"
       "686573c3a936000000102f657869737457617463686573c3a9370000000200000010"
       "2f6368696c6457617463686573c3a939000000112f6368696c6457617463686573c3"
       "a9313000000002000000162f70657273697374656e7457617463686573c3a9313200"
       "0000162f70657273697374656e7457617463686573c3a93133000000020000001f2f"
       "70657273697374656e7452656375727369766557617463686573c3a931350000001f"
       "2f70657273697374656e7452656375727369766557617463686573c3a93136",
       "SetWatches2{relativeZxid=0x102030405060701, dataWatches=[\"/dataWatc"
       "hesé3\", \"/dataWatchesé4\"], existWatches=[\"/existWatchesé6\", \"/"
       "existWatchesé7\"], childWatches=[\"/childWatchesé9\", \"/childWatche"
       "sé10\"], persistentWatches=[\"/persistentWatchesé12\", \"/persistent"
       "Watchesé13\"], persistentRecursiveWatches=[\"/persistentRecursiveWat"
       "chesé15\", \"/persistentRecursiveWatchesé16\"]}",
       "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
       "SetWatches2{relativeZxid=0xffffffffffffffff, dataWatches=null, exist"
       "Watches=null, childWatches=null, persistentWatches=null, persistentR"
       "ecursiveWatches=null}")
GOLDEN(add_watch_request,
       "000000082f70617468c3a93101020302",
       "AddWatchRequest{path=\"/pathé1\", mode=16909058}",
       "fffffffffffffffe",
       "AddWatchRequest{path=null, mode=-2}")
GOLDEN(check_watches_request,
       "000000082f70617468c3a93101020302",
       "CheckWatchesRequest{path=\"/pathé1\", type=16909058}",
       "fffffffffffffffe",
       "CheckWatchesRequest{path=null, type=-2}")
GOLDEN(remove_watches_request,
       "000000082f70617468c3a93101020302",
       "RemoveWatchesRequest{path=\"/pathé1\", type=16909058}",
       "fffffffffffffffe",
       "RemoveWatchesRequest{path=null, type=-2}")
GOLDEN(file_header,
       "01020301010203020102030405060703",
       "FileHeader{magic=0x1020301, version=16909058, dbid=72623859790382851"
       "}",
       "fffffffffffffffefffffffffffffffd",
       "FileHeader{magic=0xffffffff, version=-2, dbid=-3}")
GOLDEN(txn_header,
       "0102030405060701010203020102030405060703010203040506070401020305",
       "TxnHeader{clientId=0x102030405060701, cxid=16909058, zxid=0x10203040"
       "5060703, time=72623859790382852, type=16909061}",
       "fffffffffffffffffffffffefffffffffffffffdfffffffffffffffcfffffffb",
       "TxnHeader{clientId=0xffffffffffffffff, cxid=-2, zxid=0xfffffffffffff"
       "ffd, time=-4, type=-5}")
GOLDEN(txn_digest,
       "010203010102030405060702",
       "TxnDigest{version=16909057, treeDigest=0x102030405060702}",
       "fffffffffffffffffffffffe",
       "TxnDigest{version=-1, treeDigest=0xfffffffffffffffe}")
GOLDEN(create_txn,
       "000000082f70617468c3a93100000002028200000002010203050000000a2f736368"
       "656d65c3a937000000062f6964c3a9380102030a0000000b2f736368656d65c3a931"
       "32000000072f6964c3a93133010102030f",
       "CreateTxn{path=\"/pathé1\", data=0x0282, acl=[ACL{perms=16909061, id"
       "=Id{scheme=\"/schemeé7\", id=\"/idé8\"}}, ACL{perms=16909066, id=Id{"
       "scheme=\"/schemeé12\", id=\"/idé13\"}}], ephemeral=true, parentCVers"
       "ion=16909071}",
       "ffffffffffffffffffffffff00fffffffb",
       "CreateTxn{path=null, data=null, acl=null, ephemeral=false, parentCVe"
       "rsion=-5}")
GOLDEN(create_txn_v0,
       "000000082f70617468c3a93100000002028200000002010203050000000a2f736368"
       "656d65c3a937000000062f6964c3a9380102030a0000000b2f736368656d65c3a931"
       "32000000072f6964c3a9313301",
       "CreateTxnV0{path=\"/pathé1\", data=0x0282, acl=[ACL{perms=16909061, "
       "id=Id{scheme=\"/schemeé7\", id=\"/idé8\"}}, ACL{perms=16909066, id=I"
       "d{scheme=\"/schemeé12\", id=\"/idé13\"}}], ephemeral=true}",
       "ffffffffffffffffffffffff00",
       "CreateTxnV0{path=null, data=null, acl=null, ephemeral=false}")
GOLDEN(create_container_txn,
       "000000082f70617468c3a93100000002028200000002010203050000000a2f736368"
       "656d65c3a937000000062f6964c3a9380102030a0000000b2f736368656d65c3a931"
       "32000000072f6964c3a931330102030e",
       "CreateContainerTxn{path=\"/pathé1\", data=0x0282, acl=[ACL{perms=169"
       "09061, id=Id{scheme=\"/schemeé7\", id=\"/idé8\"}}, ACL{perms=1690906"
       "6, id=Id{scheme=\"/schemeé12\", id=\"/idé13\"}}], parentCVersion=169"
       "09070}",
       "fffffffffffffffffffffffffffffffc",
       "CreateContainerTxn{path=null, data=null, acl=null, parentCVersion=-4"
       "}")
GOLDEN(create_ttl_txn,
       "000000082f70617468c3a93100000002028200000002010203050000000a2f736368"
       "656d65c3a937000000062f6964c3a9380102030a0000000b2f736368656d65c3a931"
       "32000000072f6964c3a931330102030e010203040506070f",
       "CreateTTLTxn{path=\"/pathé1\", data=0x0282, acl=[ACL{perms=16909061,"
       " id=Id{scheme=\"/schemeé7\", id=\"/idé8\"}}, ACL{perms=16909066, id="
       "Id{scheme=\"/schemeé12\", id=\"/idé13\"}}], parentCVersion=16909070,"
       " ttl=72623859790382863}",
       "fffffffffffffffffffffffffffffffcfffffffffffffffb",
       "CreateTTLTxn{path=null, data=null, acl=null, parentCVersion=-4, ttl="
       "-5}")
GOLDEN(delete_txn,
       "000000082f70617468c3a931",
       "DeleteTxn{path=\"/pathé1\"}",
       "ffffffff",
       "DeleteTxn{path=null}")
GOLDEN(set_data_txn,
       "000000082f70617468c3a93100000002028201020303",
       "SetDataTxn{path=\"/pathé1\", data=0x0282, version=16909059}",
       "fffffffffffffffffffffffd",
       "SetDataTxn{path=null, data=null, version=-3}")
GOLDEN(set_acl_txn,
       "000000082f70617468c3a93100000002010203040000000a2f736368656d65c3a936"
       "000000062f6964c3a937010203090000000b2f736368656d65c3a93131000000072f"
       "6964c3a931320102030d",
       "SetACLTxn{path=\"/pathé1\", acl=[ACL{perms=16909060, id=Id{scheme=\""
       "/schemeé6\", id=\"/idé7\"}}, ACL{perms=16909065, id=Id{scheme=\"/sch"
       "emeé11\", id=\"/idé12\"}}], version=16909069}",
       "fffffffffffffffffffffffd",
       "SetACLTxn{path=null, acl=null, version=-3}")
GOLDEN(check_version_txn,
       "000000082f70617468c3a93101020302",
       "CheckVersionTxn{path=\"/pathé1\", version=16909058}",
       "fffffffffffffffe",
       "CheckVersionTxn{path=null, version=-2}")
GOLDEN(error_txn,
       "01020301",
       "ErrorTxn{err=16909057}",
       "ffffffff",
       "ErrorTxn{err=-1}")
GOLDEN(create_session_txn,
       "01020301",
       "CreateSessionTxn{timeOut=16909057}",
       "ffffffff",
       "CreateSessionTxn{timeOut=-1}")
GOLDEN(close_session_txn,
       "00000002000000102f70617468733244656c657465c3a932000000102f7061746873"
       "3244656c657465c3a933",
       "CloseSessionTxn{paths2Delete=[\"/paths2Deleteé2\", \"/paths2Deleteé3"
       "\"]}",
       "ffffffff",
       "CloseSessionTxn{paths2Delete=null}")
GOLDEN(txn,
       "01020301000000020282",
       "Txn{type=16909057, data=0x0282}",
       "ffffffffffffffff",
       "Txn{type=-1, data=null}")
GOLDEN(multi_txn,
       "000000020102030300000002048401020306000000020787",
       "MultiTxn{txns=[Txn{type=16909059, data=0x0484}, Txn{type=16909062, d"
       "ata=0x0787}]}",
       "ffffffff",
       "MultiTxn{txns=null}")
GOLDEN(quorum_packet,
       "010203010102030405060702000000020383000000020000000a2f736368656d65c3"
       "a936000000062f6964c3a9370000000a2f736368656d65c3a939000000072f6964c3"
       "a93130",
       "QuorumPacket{type=16909057, zxid=0x102030405060702, data=0x0383, aut"
       "hinfo=[Id{scheme=\"/schemeé6\", id=\"/idé7\"}, Id{scheme=\"/schemeé9"
       "\", id=\"/idé10\"}]}",
       "fffffffffffffffffffffffeffffffffffffffff",
       "QuorumPacket{type=-1, zxid=0xfffffffffffffffe, data=null, authinfo=n"
       "ull}")
GOLDEN(learner_info,
       "0102030405060701010203020102030405060703",
       "LearnerInfo{serverid=72623859790382849, protocolVersion=0x1020302, c"
       "onfigVersion=0x102030405060703}",
       "fffffffffffffffffffffffefffffffffffffffd",
       "LearnerInfo{serverid=-1, protocolVersion=0xfffffffe, configVersion=0"
       "xfffffffffffffffd}")
GOLDEN(quorum_auth_packet,
       "010203040506070101020302000000020383",
       "QuorumAuthPacket{magic=0x102030405060701, status=16909058, token=0x0"
       "383}",
       "fffffffffffffffffffffffeffffffff",
       "QuorumAuthPacket{magic=0xffffffffffffffff, status=-2, token=null}")
