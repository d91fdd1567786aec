/* SPDX-License-Identifier: Apache-2.0 */
/*
 * METRIC(name, kind): every metric that Apache 3.9 keeps (ServerMetrics),
 * under the names that monitoring systems know.  Times are milliseconds.
 *
 *   COUNTER        <name>
 *   SUMMARY        avg_ min_ max_ cnt_ sum_ <name>
 *   ADVANCED       the same and p50_ p95_ p99_ p999_
 *   COUNTER_SET    <key>_<name>, one for each key seen so far
 *   SUMMARY_SET, ADVANCED_SET   as above over <key>_<name>
 *
 * Apache 3.8 does not have snapshot_*_count and restore_*.
 *
 * Gauges are not here: whoever has the number registers a callback
 * (server_metrics_gauge_register).  A standalone 3.8.0 server shows these,
 * behind zk_version and zk_server_state:
 *
 *   avg_latency (a double), max_latency, min_latency, packets_received,
 *   packets_sent, num_alive_connections, outstanding_requests, uptime,
 *   znode_count, watch_count, ephemerals_count, approximate_data_size,
 *   global_sessions, local_sessions, open_file_descriptor_count,
 *   max_file_descriptor_count, connection_drop_probability (a double),
 *   last_client_response_size, max_client_response_size,
 *   min_client_response_size (-1 before the first), outstanding_tls_handshake,
 *   auth_failed_count, non_mtls_remote_conn_count, non_mtls_local_conn_count
 *
 * and, per first path component with a quota (server_metrics_gauge_set):
 *
 *   quota_count_limit_per_namespace, quota_bytes_limit_per_namespace,
 *   quota_count_usage_per_namespace, quota_bytes_usage_per_namespace
 */

/* What happened, counted. */
METRIC(snapshot_error_count, COUNTER)
METRIC(snapshot_rate_limited_count, COUNTER)
METRIC(restore_error_count, COUNTER)
METRIC(restore_rate_limited_count, COUNTER)
METRIC(looking_count, COUNTER)
METRIC(diff_count, COUNTER)
METRIC(snap_count, COUNTER)
METRIC(commit_count, COUNTER)
METRIC(connection_request_count, COUNTER)
METRIC(connection_rejected, COUNTER)
METRIC(bytes_received_count, COUNTER)
METRIC(unrecoverable_error_count, COUNTER)
METRIC(add_dead_watcher_stall_time, COUNTER)
METRIC(dead_watchers_queued, COUNTER)
METRIC(dead_watchers_cleared, COUNTER)
METRIC(response_packet_cache_hits, COUNTER)
METRIC(response_packet_cache_misses, COUNTER)
METRIC(response_packet_get_children_cache_hits, COUNTER)
METRIC(response_packet_get_children_cache_misses, COUNTER)
METRIC(ensemble_auth_success, COUNTER)
METRIC(ensemble_auth_fail, COUNTER)
METRIC(ensemble_auth_skip, COUNTER)
METRIC(prep_processor_request_queued, COUNTER)
METRIC(outstanding_changes_queued, COUNTER)
METRIC(outstanding_changes_removed, COUNTER)
METRIC(revalidate_count, COUNTER)
METRIC(connection_drop_count, COUNTER)
METRIC(connection_revalidate_count, COUNTER)
METRIC(sessionless_connections_expired, COUNTER)
METRIC(stale_sessions_expired, COUNTER)
METRIC(request_commit_queued, COUNTER)
METRIC(throttled_ops, COUNTER)
METRIC(learner_proposal_received_count, COUNTER)
METRIC(learner_commit_received_count, COUNTER)
METRIC(sync_processor_request_queued, COUNTER)
METRIC(proposal_count, COUNTER)
METRIC(quit_leading_due_to_disloyal_voter, COUNTER)
METRIC(stale_requests, COUNTER)
METRIC(stale_requests_dropped, COUNTER)
METRIC(stale_replies, COUNTER)
METRIC(request_throttle_wait_count, COUNTER)
METRIC(large_requests_rejected, COUNTER)
METRIC(digest_mismatches_count, COUNTER)
METRIC(unsuccessful_handshake, COUNTER)
METRIC(insecure_admin_count, COUNTER)
METRIC(tls_handshake_exceeded, COUNTER)
METRIC(cnxn_closed_without_zk_server_running, COUNTER)
METRIC(skip_learner_request_to_next_processor_count, COUNTER)
METRIC(requests_not_forwarded_to_commit_processor, COUNTER)
METRIC(response_bytes, COUNTER)
METRIC(watch_bytes, COUNTER)

/* One value a time: average, least, greatest, count and sum. */
METRIC(fsynctime, SUMMARY)
METRIC(snapshottime, SUMMARY)
METRIC(restore_time, SUMMARY)
METRIC(dbinittime, SUMMARY)
METRIC(follower_sync_time, SUMMARY)
METRIC(observer_sync_time, SUMMARY)
METRIC(election_time, SUMMARY)
METRIC(connection_token_deficit, SUMMARY)
METRIC(inflight_snap_count, SUMMARY)
METRIC(inflight_diff_count, SUMMARY)
METRIC(node_created_watch_count, SUMMARY)
METRIC(node_deleted_watch_count, SUMMARY)
METRIC(node_changed_watch_count, SUMMARY)
METRIC(node_children_watch_count, SUMMARY)
METRIC(prep_processor_queue_size, SUMMARY)
METRIC(prep_process_time, SUMMARY)
METRIC(proposal_process_time, SUMMARY)
METRIC(unavailable_time, SUMMARY)
METRIC(leader_unavailable_time, SUMMARY)
METRIC(requests_in_session_queue, SUMMARY)
METRIC(pending_session_queue_size, SUMMARY)
METRIC(reads_after_write_in_session_queue, SUMMARY)
METRIC(reads_issued_from_session_queue, SUMMARY)
METRIC(session_queues_drained, SUMMARY)
METRIC(time_waiting_empty_pool_in_commit_processor_read_ms, SUMMARY)
METRIC(write_batch_time_in_commit_processor, SUMMARY)
METRIC(concurrent_request_processing_in_commit_processor, SUMMARY)
METRIC(read_commit_proc_req_queued, SUMMARY)
METRIC(write_commit_proc_req_queued, SUMMARY)
METRIC(commit_commit_proc_req_queued, SUMMARY)
METRIC(read_commit_proc_issued, SUMMARY)
METRIC(write_commit_proc_issued, SUMMARY)
METRIC(commit_process_time, SUMMARY)
METRIC(startup_txns_loaded, SUMMARY)
METRIC(startup_txns_load_time, SUMMARY)
METRIC(startup_snap_load_time, SUMMARY)
METRIC(sync_processor_queue_size, SUMMARY)
METRIC(sync_process_time, SUMMARY)
METRIC(sync_processor_batch_size, SUMMARY)
METRIC(netty_queued_buffer_capacity, SUMMARY)
METRIC(learner_request_processor_queue_size, SUMMARY)
METRIC(socket_closing_time, SUMMARY)

/* The same and p50, p95, p99, p999. */
METRIC(readlatency, ADVANCED)
METRIC(updatelatency, ADVANCED)
METRIC(propagation_latency, ADVANCED)
METRIC(dead_watchers_cleaner_latency, ADVANCED)
METRIC(prep_processor_queue_time_ms, ADVANCED)
METRIC(close_session_prep_time, ADVANCED)
METRIC(read_commitproc_time_ms, ADVANCED)
METRIC(write_commitproc_time_ms, ADVANCED)
METRIC(local_write_committed_time_ms, ADVANCED)
METRIC(server_write_committed_time_ms, ADVANCED)
METRIC(om_proposal_process_time_ms, ADVANCED)
METRIC(om_commit_process_time_ms, ADVANCED)
METRIC(read_final_proc_time_ms, ADVANCED)
METRIC(write_final_proc_time_ms, ADVANCED)
METRIC(proposal_latency, ADVANCED)
METRIC(proposal_ack_creation_latency, ADVANCED)
METRIC(commit_propagation_latency, ADVANCED)
METRIC(sync_processor_queue_and_flush_time_ms, ADVANCED)
METRIC(sync_processor_queue_time_ms, ADVANCED)
METRIC(sync_processor_queue_flush_time_ms, ADVANCED)
METRIC(quorum_ack_latency, ADVANCED)
METRIC(request_throttle_queue_time_ms, ADVANCED)
METRIC(jvm_pause_time_ms, ADVANCED)

/* By key: the first component of a path, or a server id. */
METRIC(write_per_namespace, SUMMARY_SET)
METRIC(read_per_namespace, SUMMARY_SET)
METRIC(learner_handler_qp_size, SUMMARY_SET)
METRIC(learner_handler_qp_time_ms, ADVANCED_SET)
METRIC(ack_latency, ADVANCED_SET)
METRIC(quota_exceeded_error_per_namespace, COUNTER_SET)
