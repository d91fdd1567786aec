#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bootstrap.sh: which packages it installs, what it runs, how it counts.

It runs in a folder of its own, over a configure script whose makefile only
writes the logs that automake's would; dpkg-query and apt-get are replaced.
"""
import os
import shutil
import subprocess

import script_case
from script_case import TOP, ScriptCase

CONFIGURE = """#!/bin/sh
echo "$@" >>"$CONFIGURE_LOG"
case "$PWD" in *"/$FAIL_BUILD") exit 1 ;; esac
cat >Makefile <<EOF
all:
\tmkdir -p src test/fuzz
\tcp "$FAKE_ZKD_COPY" src/zkd
\tprintf '#!/bin/sh\\nexit %s\\n' $FUZZ_EXIT >test/fuzz/fuzz_frame
\tchmod +x test/fuzz/fuzz_frame
check:
\tcase "\$(origin TESTS)" in command*) ;; *) \\
\tcp "$SUITE_LOG" test-suite.log && $CHECK_ENDS ;; esac
EOF
"""
DPKG_QUERY = """#!/bin/sh
for name; do :; done
case " $MISSING " in *" $name "*) exit 1 ;; esac
printf installed
"""
APT_GET = """#!/bin/sh
echo "$@" >>"$APT_LOG"
"""
SUITE = """# TOTAL: %d
# PASS:  %d
# SKIP:  %d
# XFAIL: 0
# FAIL:  %d
# XPASS: 0
# ERROR: %d

FAIL: test/unit/test_x
# PASS: 99 of another log
"""


class Bootstrap(ScriptCase):
    def setUp(self):
        super().setUp()
        self.top = os.path.join(self.dir, "project")
        tools = os.path.join(self.dir, "tools")
        os.makedirs(self.top + "/conf")
        os.mkdir(tools)
        shutil.copy(TOP + "/bootstrap.sh", self.top)
        shutil.copy(TOP + "/conf/zoo_sample.cfg", self.top + "/conf")
        self.program(self.top + "/configure", CONFIGURE)
        self.program(tools + "/dpkg-query", DPKG_QUERY)
        self.program(tools + "/apt-get", APT_GET)
        # As root needs no sudo, nothing but apt-get would be run by it.
        self.program(tools + "/sudo", '#!/bin/sh\nexec "$@"\n')
        self.apt_log = os.path.join(self.dir, "apt.log")
        self.configure_log = os.path.join(self.dir, "configure.log")
        self.env.update(
            PATH=tools + ":/usr/sbin:/usr/bin:/sbin:/bin", MISSING="",
            APT_LOG=self.apt_log, CONFIGURE_LOG=self.configure_log,
            FAIL_BUILD="none", FAKE_ZKD_COPY=script_case.FAKE_ZKD,
            FUZZ_EXIT="0", SUITE_LOG=self.suite(3, 0, 0, 0),
            CHECK_ENDS="true", HOME=self.dir)
        for name in ("ZKD_DATA", "XDG_DATA_HOME", "JOBS", "CHECK_SECONDS",
                     "FUZZ_SECONDS", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
            self.env.pop(name, None)

    def program(self, path, text):
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, 0o755)

    def suite(self, passed, skipped, failed, errors):
        path = os.path.join(self.dir, "suite.log")
        with open(path, "w", encoding="utf-8") as out:
            out.write(SUITE % (passed + skipped + failed + errors, passed,
                               skipped, failed, errors))
        return path

    def bootstrap(self, *words, **env):
        return self.run_script(self.top + "/bootstrap.sh", *words, **env)

    def read(self, path):
        with open(path, encoding="utf-8") as text:
            return text.read()

    def test_help_and_unknown_verb(self):
        ran = self.bootstrap("--help")
        self.assertEqual(ran.code, 0)
        self.assertIn("Usage: ./bootstrap.sh", ran.out)
        ran = self.bootstrap("chekc")
        self.assertEqual((ran.code, ran.out), (2, ""))
        self.assertFalse(os.path.exists(self.configure_log))

    def test_build_installs_nothing_that_is_there(self):
        ran = self.bootstrap()
        self.assertEqual(ran.code, 0, ran)
        self.assertEqual(ran.lines[-1], "built: %s/build/src/zkd" % self.top)
        self.assertFalse(os.path.exists(self.apt_log))
        self.bootstrap()
        self.assertEqual(self.read(self.configure_log), "\n",
                         "configured again")

    def test_only_missing_packages_are_installed(self):
        ran = self.bootstrap(MISSING="gcc uthash-dev zookeeper")
        self.assertEqual(ran.code, 0, ran)
        self.assertEqual(self.read(self.apt_log).splitlines(), [
            "update", "install -y --no-install-recommends gcc uthash-dev"])

    def test_total_of_all_builds(self):
        ran = self.bootstrap("check")
        self.assertEqual((ran.code, ran.lines[-1]),
                         (0, "10 passed, 0 failed"), ran)
        self.assertEqual(self.read(self.configure_log).splitlines(), [
            "--enable-developer",
            "--enable-developer CFLAGS=-g -O1 "
            "--with-sanitizer=address,undefined",
            "--enable-developer CFLAGS=-g -O1 --with-sanitizer=thread",
            "CC=clang --enable-fuzzers"])

    def test_failures_errors_and_skips_are_told_apart(self):
        ran = self.bootstrap("check", SUITE_LOG=self.suite(5, 2, 1, 1),
                             CHECK_ENDS="false")
        self.assertEqual((ran.code, ran.lines[-1]),
                         (1, "16 passed, 6 failed, 6 skipped"), ran)

    def test_what_a_failing_test_said_is_shown(self):
        ran = self.bootstrap(
            "check", SUITE_LOG=self.suite(5, 0, 1, 0),
            CHECK_ENDS="{ echo the reason >test_x.log;"
            " echo PASS: test_y.py; echo FAIL: test_x.py; false; }")
        self.assertEqual(ran.err.count("build/tsan/test_x.log:\nthe reason"),
                         1, ran)
        self.assertNotIn("test_y", ran.err)

    def test_make_that_fails_with_all_tests_passed(self):
        ran = self.bootstrap("check", CHECK_ENDS="false")
        self.assertEqual((ran.code, ran.lines[-1]),
                         (1, "10 passed, 3 failed"), ran)

    def test_no_results(self):
        ran = self.bootstrap("check", SUITE_LOG="/none")
        self.assertEqual((ran.code, ran.lines[-1]),
                         (1, "1 passed, 3 failed"), ran)

    def test_build_that_fails(self):
        ran = self.bootstrap("check", FAIL_BUILD="asan")
        self.assertEqual((ran.code, ran.lines[-1]),
                         (1, "7 passed, 1 failed"), ran)
        self.assertIn("asan does not build", ran.err)

    def test_fuzzer_that_finds_something(self):
        ran = self.bootstrap("check", FUZZ_EXIT="77")
        self.assertEqual((ran.code, ran.lines[-1]),
                         (1, "9 passed, 1 failed"), ran)

    def test_no_time_left(self):
        ran = self.bootstrap("check", CHECK_SECONDS="0")
        self.assertEqual((ran.code, ran.lines[-1]),
                         (1, "0 passed, 4 failed"), ran)

    def test_server_keeps_its_configuration_and_data(self):
        base = self.dir + "/.local/share/zkd"
        server = self.spawn(
            self.top + "/bootstrap.sh", "server",
            env={**self.env, "FAKE_ZKD": "mute"}, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, universal_newlines=True)
        lines = [server.stdout.readline() for _ in range(3)]
        self.wait_until("the server runs",
                        lambda: os.path.exists(self.argv) and
                        self.handed_words())
        self.assertEqual(lines, [
            "Configuration: %s/zoo.cfg\n" % base,
            "Data:          %s/data\n" % base,
            "Connect with:  %s/bin/zkCli.sh -server 127.0.0.1:2181\n"
            % self.top])
        self.assertEqual(self.handed_words(), [base + "/zoo.cfg"])
        sample = self.read(self.top + "/conf/zoo_sample.cfg")
        self.assertEqual(
            self.read(base + "/zoo.cfg"),
            sample.replace("dataDir=/tmp/zookeeper",
                           "dataDir=%s/data" % base))

    def test_server_leaves_an_edited_configuration(self):
        base = self.dir + "/kept"
        os.mkdir(base)
        with open(base + "/zoo.cfg", "w", encoding="ascii") as out:
            out.write("clientPort=%d\ndataDir=/x\n" % self.port)
        ran = self.bootstrap("server", ZKD_DATA=base, FAKE_ZKD="die")
        self.assertEqual(ran.code, 2)
        self.assertIn("-server 127.0.0.1:%d\n" % self.port, ran.out)
        self.assertEqual(self.read(base + "/zoo.cfg"),
                         "clientPort=%d\ndataDir=/x\n" % self.port)


if __name__ == "__main__":
    script_case.main()
