/**
 * The versions of mosquitto that have an option, from its change log and its manuals. Not in the program: the documentation
 * is made with it.
 */

export interface Versions {
	/** The first version; null for all that count (1.4, of 2015, and what came before it). */
	readonly since: string | null;
	/** Whether none has it: the option is our own. */
	readonly isOurs: boolean;
	/** The last version in which it had an effect, or was known at all; null when it still is. */
	readonly until: string | null;
}

/** What came after 1.4, by name as it is written. */
const SINCE: Readonly<Record<string, readonly string[]>> = {
	"1.4.13": ["auth_plugin_deny_special_chars"],
	"1.4.15": ["memory_limit"],
	"1.5": [
		"max_inflight_bytes",
		"max_queued_bytes",
		"notifications_local_only",
		"per_listener_settings",
		"set_tcp_nodelay",
		"use_subject_as_username",
		"websockets_headers_size",
	],
	"1.5.5": ["socket_domain"],
	"1.5.6": ["check_retain_source"],
	"1.6": [
		"bind_interface",
		"bridge_alpn",
		"bridge_require_ocsp",
		"dhparamfile",
		"log_timestamp_format",
		"max_keepalive",
		"max_packet_size",
		"max_topic_alias",
		"retain_available",
		"tls_engine",
		"tls_engine_kpass_sha1",
		"tls_keyform",
	],
	"2.0": [
		"bridge_bind_address",
		"bridge_max_packet_size",
		"bridge_outgoing_retain",
		"ciphers_tls1.3",
		"local_cleansession",
		"max_qos",
		"maximum_qos",
		"plugin",
		"plugin_opt_*",
	],
	"2.0.21": ["retain_expiry_interval"],
	"2.1": [
		"accept_protocol_versions",
		"bridge_ciphers",
		"bridge_ciphers_tls1.3",
		"bridge_max_topic_alias",
		"bridge_receive_maximum",
		"bridge_reload_type",
		"bridge_session_expiry_interval",
		"bridge_tcp_keepalive",
		"bridge_tcp_user_timeout",
		"bridge_tls_use_os_certs",
		"disable_client_cert_date_checks",
		"enable_control_api",
		"enable_proxy_protocol",
		"global_max_clients",
		"global_max_connections",
		"global_plugin",
		"listener_allow_anonymous",
		"listener_auto_id_prefix",
		"max_topic_alias_broker",
		"packet_buffer_size",
		"plugin_load",
		"plugin_use",
		"proxy_protocol_v2_require_tls",
		"websockets_origin",
	],
};

/** What mosquitto has not. */
const OURS: readonly string[] = [
	"allow_source",
	"deny_source",
	"interface",
	"no_remote_access",
	"durability",
	"max_store_size",
	"persist_daily_budget",
	"persist_interval",
	"persist_octets",
	"persist_topic",
	"trusted_proxy",
	"ubus",
	"ubus_event",
	"unix_socket_mode",
	"unix_socket_owner",
];

/** What has no effect any more, or is not known any more: the last version before that. */
const UNTIL: Readonly<Record<string, string>> = {
	dhparamfile: "2.0",
	ffdc_output: "1.6",
	max_log_entries: "1.6",
	retry_interval: "1.4",
	store_clean_interval: "1.5",
	trace_level: "1.6",
	trace_output: "1.6",
};

/** Every name that stands in this file, for a test: it must be one of the table. */
export const VERSIONED: readonly string[] = [...Object.values(SINCE).flat(), ...Object.keys(UNTIL), ...OURS];

/** Of an option, or another name of one. */
export function versionsOf(name: string): Versions {
	const since = Object.entries(SINCE).find(([, names]) => names.includes(name));
	return { since: since?.[0] ?? null, until: UNTIL[name] ?? null, isOurs: OURS.includes(name) };
}
