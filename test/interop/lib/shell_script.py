# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""The commands that both shells play, and how their answers are compared.

A step is a command, or (command, difference): zkcli then prints the lines
that the function 'difference' makes of Java's.  Each has a reason.
"""

import re

# ---- differences that are meant ---------------------------------------------


def as_39_get(lines):
    """get has more options in 3.9, and its usage tells them"""
    return ['get [-s] [-w] [-b] [-x] path',
            ' -b   Output data in base64 format',
            ' -s   Print znode stats additionally',
            ' -w   Watch for changes on the znode',
            ' -x   Output data in hexdump format'] if lines == [
                'get [-s] [-w] path'] else None


def as_39_set(lines):
    """so has set"""
    return ['set path data [-s] [-v version] [-b]',
            ' -b         Supply data in base64 format',
            ' -s         Print znode stats additionally',
            ' -v <arg>   Set with an expected version'] if lines == [
                'set [-s] [-v version] path data'] else None


MORE_COMMANDS = ['exit ', 'help [command]', 'ls2 path [watch]', 'rmr path']
CHANGED_USAGE = {
    '\tget [-s] [-w] path': '\tget [-s] [-w] [-b] [-x] path',
    '\tset [-s] [-v version] path data':
        '\tset path data [-s] [-v version] [-b]',
}


def longer_list(lines):
    """zkcli has the commands of 3.4, 3.9 and 3.10 all at once"""
    commands = [CHANGED_USAGE.get(line, line) for line in lines[1:-1]]
    commands += ['\t' + line for line in MORE_COMMANDS]
    return lines[:1] + sorted(commands, key=lambda line: line.encode()) \
        + lines[-1:]


def counted(lines):
    """delete PATH VERSION and set PATH DATA VERSION were conditional in 3.4;
    3.8 and 3.9 drop the number without a word, or with one"""
    return [line for line in lines if 'deprecated' in line] + [
        'version No is not valid : /t/counted']


def counted_set(lines):
    """the same; 3.8 has no word for it"""
    return ["'set path data [version]' has been deprecated. Please use "
            "'set [-s] [-v version] path data' instead.",
            'version No is not valid : /t/counted'] if not lines else None


def still_there(lines):
    """what the conditional delete did not remove"""
    return [] if lines == ['Node does not exist: /t/counted'] else None


# ---- the script -------------------------------------------------------------

SCRIPT = [
    # Nodes.
    'create /t', 'create /t/a one', 'create /t/a two', 'create /t/none/x y',
    'create -s /t/a/s- v', 'create -s /t/a/s- v', 'create -s /t/a/s- v',
    'create -e /t/e gone', 'create -e -s /t/es- gone', 'create -es /t/es- g',
    'create /t/e/child x', 'create -c /t/box', 'create -t 900000 /t/ttl x',
    'create -t 900000 -s /t/ttl- x', 'create -s -t 900000 /t/ttl- x',
    'create "/t/with blank" "some words here"', "create /t/q 'it is'",
    'create /t/empty ""', 'create /t/null',
    'create /t/acl x world:anyone:cdrwa', 'create /t/ro x world:anyone:r',
    'create /t/ip x ip:127.0.0.1:cdrwa,world:anyone:r',
    'create /t/badacl x nonsense', 'create /t/badacl x a:b',
    'create /t/badacl x world:anyone:xyz', 'create /t/badacl x nope:id:r',
    'create /t/badacl x world:anyone:r,broken', 'delete /t/badacl',
    'create -c -e /t/x', 'create -c -s /t/x', 'create -t 5 -e /t/x',
    'create -t 5 -c /t/x', 'create -t abc /t/x', 'create -t 0 /t/x',
    'create -t -1 /t/x', 'create -t 2000000000000 /t/x', 'create',
    'create -q /t/x', 'create -t', 'create t', 'create /t/', 'create /t//x',
    'create /t/../x', 'create /t/./x', 'create /t/x/..', 'create /t/.',
    'create -s /t/n/', 'create /t/n data', 'create -s /t/n/ seq',
    'create -s /t/n/', 'create ""', 'create /',
    'create /t/\u00e4\u20ac \u00fcber', 'get /t/\u00e4\u20ac',
    # Reading.
    'get /t/a', 'get /t/empty', 'get /t/null', 'get "/t/with blank"',
    'get /t/nope', 'get -s /t/a', 'get /t/a -s', 'get -sw /t/a',
    'get -ws /t/q', ('get', as_39_get), 'get -z /t/a', 'get t', 'get /t/',
    'get /t/a watch', 'get --s /t/a', 'get -- /t/a', 'get -s -- /t/a',
    'get "/t/q"', "get '/t/q'",
    'get "/t/q', 'get /t/q"', '"get" "/t/q"', '  get   /t/q  ',
    '\tget\t/t/q\t',
    'ls /', 'ls /t', 'ls -s /t', 'ls -R /t', 'ls -R /t/a', 'ls -w /t/n',
    'ls -wR /t/n', 'ls /t/nope', 'ls -R /t/nope', 'ls', 'ls -?', 'ls t',
    'ls /t/a true', 'ls -x /t', 'ls /t/', 'ls -s -R /t/n', 'ls /t/a/',
    'stat /t', 'stat -w /t/a', 'stat /t/nope', 'stat', 'stat /t/e',
    'stat /t/a on', 'stat -s /t', 'stat /t/box', 'stat //', 'stat x',
    'getAllChildrenNumber /t', 'getAllChildrenNumber /t/a',
    'getAllChildrenNumber /t/nope', 'getAllChildrenNumber',
    'getAllChildrenNumber x',
    'getEphemerals', 'getEphemerals /t', 'getEphemerals /t/es',
    'getEphemerals /nowhere', 'getEphemerals x',
    # Writing.
    'set /t/a three', 'get /t/a', 'set -s /t/a four', 'set /t/a five -s',
    'set -v 3 /t/a six', 'set -v 3 /t/a seven', 'set /t/a eight -v 4',
    'set -v9 /t/a nine', 'set /t/nope x', ('set', as_39_set),
    ('set /t/a', as_39_set), 'set -v', 'set t x', 'set /t/a ""', 'get /t/a',
    'set -- /t/a -5', 'get /t/a', 'set /t/a -5', 'set -q /t/a x',
    'set -v 1 -v 2 /t/a x', 'set /t/box boxed', 'get -s /t/box',
    # Watches: one of each kind, and those from above.
    'set /t/q changed', 'set /t/q again', 'get -w /t/q', 'stat -w /t/n/late',
    'create /t/n/late', 'ls -w /t/n', 'create /t/n/later', 'delete /t/n/late',
    'addWatch /t/n', 'create /t/n/deep', 'create /t/n/deep/er x',
    'set /t/n/deep/er y', 'delete /t/n/deep/er', 'removewatches /t/n -a',
    'create /t/n/silent', 'removewatches /t/n', 'removewatches /t/nope -d',
    'addWatch -m PERSISTENT /t/ip', 'set /t/ip p1', 'set /t/ip p2',
    'addWatch -m persistent /t/q', 'removewatches /t/q -a',
    'addWatch -m RECURSIVE /t', 'addWatch', 'addWatch /t /t', 'addWatch -m',
    'get -w /t/acl', 'removewatches /t/acl -d', 'get -w /t/acl',
    'removewatches /t/acl -c', 'removewatches /t/acl -a -l',
    'ls -w /t/box', 'removewatches /t/box -c', 'removewatches',
    'removewatches -a', 'removewatches t', 'get -w /t/n/deep',
    # Java prints events when its second thread gets to them; a sync is answered
    # by that thread, so that none is left to be printed, or not, afterwards.
    'delete /t/n/deep', 'sync /t', 'printwatches', 'printwatches off',
    'get -w /t/empty', 'set /t/empty unseen', 'sync /t', 'printwatches',
    'printwatches on', 'printwatches',
    # ACLs.
    'getAcl /t', 'getAcl -s /t/acl', 'getAcl /t/ip', 'getAcl /t/ro',
    'getAcl /t/nope', 'getAcl', 'getAcl x', 'set /t/ro x',
    'setAcl /t/acl world:anyone:crwa', 'getAcl /t/acl',
    'setAcl -s /t/acl world:anyone:cdrwa', 'setAcl -v 1 /t/acl a:b:c',
    'setAcl -v 7 /t/acl world:anyone:r', 'setAcl /t/acl',
    'setAcl /t/acl junk', 'setAcl /t/acl world:anyone:z',
    'setAcl /t/nope world:anyone:r', 'setAcl', 'setAcl -x /t/acl w:a:r',
    'setAcl -R /t/a world:anyone:cdrwa', 'getAcl /t/a/s-0000000000',
    'setAcl -R /t/nope world:anyone:r',
    'addauth digest u:p', 'whoami', 'create /t/mine x auth::cdrwa',
    'getAcl /t/mine', 'create /t/dig x digest:u:p:r', 'delete /t/dig',
    'create /t/esc x digest:u%}{:h:r,world:anyone:r', 'getAcl /t/esc',
    'addauth', 'getAcl /t/acl extra',
    # Quotas.
    'listquota /t', 'setquota -n 50 /t', 'listquota /t',
    'setquota -b 5 /t', 'listquota /t', 'setquota -N 1 /t', 'listquota /t',
    'setquota -B 100000 /t', 'listquota /t', 'setquota -n 10 /t/a',
    'setquota -n 10 /', 'setquota -n 10 /t/nope', 'setquota -n 0 /t',
    'setquota -n -5 /t', 'setquota -b -1 /t', 'setquota -n x /t',
    'setquota -N 0 /t', 'setquota -B -3 /t', 'setquota -n 99999999999 /t',
    'setquota -n 5 -b 6 /t', 'setquota /t', 'setquota -n 5', 'setquota',
    'setquota -n 5 /zookeeper/quota/t', 'setquota -n 5 t',
    'delquota -n /t', 'listquota /t', 'delquota -b /t', 'delquota -N /t',
    'delquota -B /t', 'listquota /t', 'delquota -n -b /t', 'delquota /t',
    'delquota /t', 'listquota /t', 'delquota', 'listquota', 'delquota x',
    'listquota x', 'listquota /', 'ls -R /zookeeper',
    'setquota -n 7 /t/a', 'setquota -n 9 /t', 'setquota -b 9 /t/n',
    'ls -R /zookeeper/quota', 'delquota /t/a', 'ls -R /zookeeper/quota',
    'delquota /t/n', 'ls /zookeeper/quota', 'delquota -n /t/a',
    # The ensemble, the session, the shell.
    'sync /t', 'sync', 'sync x', 'sync /nowhere', 'config', 'config -s',
    'config -x', 'reconfig', 'reconfig -remove', 'reconfig -v zz -remove 1',
    'reconfig -add a -members b', 'reconfig -file a -members b',
    'version extra', 'redo 0', 'redo 12', 'redo 99999', 'history', 'history x',
    ('nonsense', longer_list), ('LS /', longer_list),
    # Removing.
    'delete /t', 'delete -v 7 /t/acl', 'delete -v 0 /t/acl', 'delete /t/acl',
    'delete', 'delete t', 'delete -v /t/acl', 'delete -x /t/acl',
    'delete /', 'create /t/counted', ('set /t/counted x 5', counted_set),
    ('delete /t/counted 5', counted),
    ('delete /t/counted', still_there),
    'deleteall /t/a', 'ls /t', 'deleteall -b 2 /t/n', 'deleteall /t/nope',
    'deleteall', 'deleteall x', 'deleteall -b x /t', 'deleteall -b',
    'deleteall -b 3 /t', 'ls /', 'stat /t', 'deleteall /t',
]

# ---- comparison -------------------------------------------------------------

ZXID = re.compile(r'^([cmp]Zxid|ephemeralOwner) = 0x[0-9a-f]+$')
TIME = re.compile(r'^([cm]time) = [A-Z][a-z]{2} [A-Z][a-z]{2} \d\d '
                  r'\d\d:\d\d:\d\d UTC \d{4}$')


def plain(line):
    """A line without what differs from run to run."""
    if line.startswith('ephemeralOwner') and line.endswith('= 0x0'):
        return line
    line = ZXID.sub(r'\1 = ZXID', line)
    return TIME.sub(r'\1 = TIME', line)


def normal(command, lines):
    """An answer, for comparison."""
    lines = [plain(line) for line in lines]
    if command.startswith('getEphemerals'):     # the server's hash order
        lines = ['[%s]' % ', '.join(sorted(line[1:-1].split(', ')))
                 if line.startswith('[') else line for line in lines]
    if command.startswith('whoami'):            # likewise
        lines = lines[:1] + sorted(lines[1:])
    return lines


def normal_events(events):
    """Events, for comparison.  When one command removes watches of several
    kinds, Java tells of them in the order of a hash table.  That the session
    was closed by quit, Java tells if its threads get to it before the end."""
    out, run = [], []
    for event in events:
        if event[0] == 'Closed':
            continue
        if run and not (event[1].endswith('WatchRemoved')
                        and event[2] == run[0][2]):
            out, run = out + sorted(run), []
        if event[1].endswith('WatchRemoved'):
            run.append(event)
        else:
            out.append(event)
    return out + sorted(run)
