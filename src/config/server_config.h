/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_config.h: everything a server was told, read once by main and never
 * changed (Java: QuorumPeerConfig, ServerConfig and the static fields that
 * system properties fill all over the server).
 *
 * Units stand in the names.  Strings are owned by the struct; NULL is "not
 * given" where a comment says so.
 */
#ifndef CONFIG_SERVER_CONFIG_H
#define CONFIG_SERVER_CONFIG_H

#include "config/system_properties.h"
#include "config/tls_config.h"
#include "util/zk_error.h"

enum learner_type {
    LEARNER_PARTICIPANT,
    LEARNER_OBSERVER,
};

struct host_port {
    char *host;                 /* NULL: all addresses. */
    int port;                   /* 0: none, unless said otherwise. */
};

/* One server.N line (features: "server.N grammar"). */
struct server_address {
    int64_t sid;
    size_t n;                   /* Addresses: "h1:q1:e1|h2:q2:e2". */
    struct host_port *quorum;
    struct host_port *election;
    enum learner_type type;
    struct host_port client;    /* port 0: not given here. */
    struct host_port secure_client;
    int64_t group;              /* -1: in none. */
    int64_t weight;             /* 1 unless given. */
    char *text;                 /* The value as it was written. */
};

/* Client connections: limits and throttles. */
struct cnxn_config {
    struct host_port client;            /* port 0: any that is free (as
                                         * Java); -1: no plain port. */
    struct host_port secure_client;     /* port 0: no TLS port. */
    int max_client_cnxns;               /* per address; 0: no limit */
    int max_cnxns;                      /* in all; 0: no limit */
    int listen_backlog;                 /* -1: the system's */
    bool tcp_keepalive;                 /* zookeeper.clientTcpKeepAlive */
    int selector_threads;               /* zookeeper.nio.numSelectorThreads;
                                         * 0: choose by cores */
    int32_t sessionless_timeout_ms;     /* zookeeper.nio.sessionless... */
    int32_t jute_max_buffer;            /* jute.maxbuffer */
    int64_t large_request_max_bytes;
    int32_t large_request_threshold;    /* -1: off */
    int global_outstanding_limit;
    char *whitelist_4lw;                /* 4lw.commands.whitelist or NULL */
    bool port_unification;              /* zookeeper.client.portUnification:
                                         * the plain port takes TLS, too */
    bool cert_reload;                   /* zookeeper.client.certReload */
    int handshake_limit;                /* zookeeper.netty.server.outstanding
                                         * Handshake.limit; <= 0: none */
    /* zookeeper.connection_throttle_* */
    int throttle_tokens;                /* 0: off */
    int throttle_fill_time_ms;
    int throttle_fill_count;
    int throttle_freeze_time_ms;
    double throttle_drop_increase;
    double throttle_drop_decrease;
    double throttle_decrease_ratio;
    bool throttle_weight_enabled;
    int throttle_weight_global, throttle_weight_local, throttle_weight_renew;
};

/* The request path. */
struct request_config {
    int request_throttle_limit;         /* 0: off */
    int request_throttle_stall_ms;
    bool request_throttle_drop_stale;
    bool request_stale_latency_check;
    bool request_stale_connection_check;
    int64_t throttled_op_wait_ms;       /* 0: off */
    int64_t flush_delay_ms;             /* zookeeper.flushDelay */
    int64_t max_write_queue_poll_ms;
    bool enforce_quota;
    bool eager_acl_check;
    int throttler_shutdown_ms;          /* request_throttler.shutdown... */
    bool close_session_txn;             /* zookeeper.closeSessionTxn.enabled */
    bool session_require_client_sasl;
    bool enforce_auth;                  /* zookeeper.enforce.auth.enabled,
                                         * or SASL is required */
    char *enforce_auth_schemes;         /* csv or NULL */
    int64_t container_check_interval_ms;
    int container_max_per_minute;
    int64_t container_max_never_used_ms;
};

/* Disk. */
struct storage_config {
    char *data_dir;
    char *data_log_dir;                 /* = data_dir unless given */
    bool datadir_autocreate;
    bool db_autocreate;
    bool snapshot_trust_empty;
    int32_t max_record;                 /* jute.maxbuffer + extra size */
    int snap_count;
    int64_t snap_size_limit_kb;         /* <= 0: off */
    int64_t txn_log_size_limit_kb;      /* -1: off */
    int64_t pre_alloc_kb;
    bool force_sync;
    int max_batch_size;                 /* Txns of one sync:
                                         * zookeeper.maxBatchSize */
    int64_t fsync_warning_ms;
    char *snapshot_compression;         /* "", "gz", "snappy" */
    int commit_log_count;
    int snap_retain_count;              /* autopurge.* */
    int64_t purge_interval_ms;          /* 0: off */
    bool digest_enabled;
    bool extended_types_enabled;
    bool emulate_353_ttl;
};

struct auth_config {
    bool skip_acl;
    bool digest_enabled;
    char *digest_alg;                   /* "SHA1" */
    char *super_digest;                 /* or NULL */
    char *x509_super_user;              /* or NULL */
    bool x509_enabled;                  /* A port takes TLS, or
                                         * authProvider.N names it. */
};

struct quorum_config {
    int init_limit, sync_limit;         /* ticks; 0: not given */
    int connect_to_learner_master_limit;
    int election_alg;
    bool quorum_listen_on_all_ips;
    enum learner_type peer_type;
    bool sync_enabled;
    char *dynamic_config_file;          /* or NULL */
    bool standalone_enabled;
    bool reconfig_enabled;
    bool local_sessions_enabled;
    bool local_sessions_upgrading_enabled;
    bool ssl_quorum, port_unification, ssl_quorum_reload;
    bool multi_address_enabled;
    int multi_address_timeout_ms;
    bool multi_address_check;
    bool leader_serves;
    bool read_only_mode;                /* readonlymode.enabled */
    char *oracle_path;                  /* or NULL */
    int observer_master_port;           /* 0: none */
    bool sasl_enabled;                  /* quorum.auth.* */
    bool sasl_learner_required;
    bool sasl_server_required;
    char *sasl_learner_context;
    char *sasl_server_context;
    char *sasl_principal;
    int cnxn_threads;                   /* quorum.cnxn.threads.size */
    bool hierarchical;                  /* There are groups or weights. */
    int64_t version;
    struct server_address *servers;     /* In order of sid. */
    size_t n_servers;
};

struct server_config {
    char *config_file;                  /* NULL: given as arguments. */
    int64_t myid;                       /* -1: no myid file. */
    int tick_time_ms;
    int min_session_timeout_ms;         /* Defaults filled in. */
    int max_session_timeout_ms;
    struct cnxn_config cnxn;
    struct request_config request;
    struct storage_config storage;
    struct auth_config auth;
    struct quorum_config quorum;
    struct tls_config client_tls;       /* zookeeper.ssl.* */
    struct tls_config quorum_tls;       /* zookeeper.ssl.quorum.* */
    char *metrics_provider;             /* class name */
    struct system_properties *metrics_props;    /* metricsProvider.*, by
                                                 * what is behind the dot */
    bool admin_enabled;
    struct host_port admin;
    char *admin_url;
    int admin_idle_timeout_ms;
    struct system_properties *props;    /* All of them; owned. */
};

/* Reads zoo.cfg and what it names (myid, dynamic file), over 'props' (taken
 * over in any case).  ZK_ECONFIG with file, line and reason.  Messages that
 * only warn go to the log. */
int server_config_read(const char *path, struct system_properties *props,
                       struct server_config **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* The same for `PORT DATADIR [tickTime [maxClientCnxns]]`. */
int server_config_from_args(int argc, char **argv,
                            struct system_properties *props,
                            struct server_config **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
void server_config_destroy(struct server_config *c);
/* The longest record of files: jute.maxbuffer, which is 'max_buffer' bytes,
 * and what zookeeper.jute.maxbuffer.extrasize allows on top of it. */
int server_config_max_record(const struct system_properties *props,
                             int32_t max_buffer, int32_t *max_record,
                             struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Does it ask for an ensemble?  One participant alone with
 * standaloneEnabled=true does not. */
bool server_config_is_distributed(const struct server_config *c);
/* Can clients, or links between servers, have TLS? */
bool server_config_has_client_tls(const struct server_config *c);
bool server_config_has_quorum_tls(const struct server_config *c);
/* The membership text: "server.1=h:q:e:participant;0.0.0.0:2181\n...
 * version=0"; "" without server lines.  The caller frees it. */
char *server_config_membership(const struct server_config *c);

#endif
