/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "proto/keeper_error.h"

const char *
keeper_error_name(int32_t code)
{
    switch (code) {
#define KEEPER_ERROR(name, value, java, message)                          \
    case value:                                                           \
        return java;
#include "zookeeper/tbl/keeper_errors.h"
#undef KEEPER_ERROR
    default:
        return "UNKNOWN";
    }
}

const char *
keeper_error_message(int32_t code)
{
    switch (code) {
#define KEEPER_ERROR(name, value, java, message)                          \
    case value:                                                           \
        return message;
#include "zookeeper/tbl/keeper_errors.h"
#undef KEEPER_ERROR
    default:
        return "Unknown error";
    }
}
