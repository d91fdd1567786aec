#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes configure from a git checkout.
cd "$(dirname "$0")" && exec autoreconf --force --install --warnings=all
