/**
 * Ten `/etc/config/mosquitto`, each with the mosquitto.conf that mosquitto's init script makes of it (written by hand after that
 * script), and with clients to try on both. `PORT1`, `PORT2`, … and `DIR` are filled in by who uses them.
 */

/** A client, and whether it gets in and may publish and receive; seen at mosquitto, and to be seen at ours. */
export interface Probe {
	/** Of `PORT1`, `PORT2`, … */
	readonly port: number;
	readonly username?: string;
	readonly password?: string;
	/** With a certificate of this name, over TLS; an empty one is none. */
	readonly tls?: string;
	readonly psk?: boolean;
	readonly topic?: string;
	/** `in`: its message comes back to it; `out`: it is refused; `mute`: it is let in, and its message does not come back. */
	readonly outcome: "in" | "out" | "mute";
}

export interface MigrationCase {
	readonly name: string;
	readonly uci: string;
	readonly conf: string;
	readonly probes: readonly Probe[];
	/** What the report must say, in part. */
	readonly says?: readonly string[];
}

const OWRT = "config owrt owrt\n\toption use_uci 1\n\n";
const ACL = "\toption acl_file 'DIR/acl'\n";
const FILES = "\toption password_file 'DIR/passwd'\n";
const TLS = "\toption cafile 'DIR/ca.pem'\n\toption certfile 'DIR/server.pem'\n\toption keyfile 'DIR/server.key'\n";
const TLS_CONF = "cafile DIR/ca.pem\ncertfile DIR/server.pem\nkeyfile DIR/server.key\n";

const ann = { username: "ann", password: "secret-a" } as const;
const bob = { username: "bob", password: "secret-b" } as const;

export const MIGRATIONS: readonly MigrationCase[] = [
	{
		name: "only the broker: a default listener that nobody without a user name may use",
		uci: `${OWRT}config mosquitto mosquitto\n\toption port PORT1\n\nconfig persistence persistence\n`,
		conf: "port PORT1\n",
		probes: [{ port: 1, outcome: "out" }],
	},
	{
		name: "anonymous clients, on this machine",
		uci: `${OWRT}config mosquitto\n\toption port PORT1\n\toption no_remote_access 1\n\toption allow_anonymous 1\n\tlist log_dest stderr\n\tlist log_types error\n\tlist log_types warning\n`,
		conf: "bind_address localhost\nport PORT1\nlog_dest stderr\nlog_type error\nlog_type warning\nallow_anonymous true\n",
		probes: [
			{ port: 1, outcome: "in" },
			{ port: 1, ...ann, outcome: "in" },
		],
	},
	{
		name: "users of a file",
		uci: `${OWRT}config mosquitto\n\toption port PORT1\n${FILES}`,
		conf: "port PORT1\npassword_file DIR/passwd\n",
		probes: [
			{ port: 1, outcome: "out" },
			{ port: 1, ...ann, outcome: "in" },
			{ port: 1, ...bob, outcome: "in" },
			{ port: 1, username: "ann", password: "secret-b", outcome: "out" },
			{ port: 1, username: "nobody", password: "x", outcome: "out" },
		],
	},
	{
		name: "users and rules, and anonymous clients besides",
		uci: `${OWRT}config mosquitto\n\toption port PORT1\n\toption allow_anonymous 1\n${FILES}${ACL}`,
		conf: "port PORT1\nallow_anonymous true\npassword_file DIR/passwd\nacl_file DIR/acl\n",
		probes: [
			{ port: 1, outcome: "in", topic: "public/x" },
			{ port: 1, outcome: "mute", topic: "house/x" },
			{ port: 1, ...ann, outcome: "in", topic: "house/x" },
			{ port: 1, ...ann, outcome: "mute", topic: "garden/x" },
			{ port: 1, ...bob, outcome: "in", topic: "own/bob/x" },
			{ port: 1, ...bob, outcome: "mute", topic: "own/ann/x" },
		],
	},
	{
		name: "a second listener; what it says of anonymous clients holds for both",
		uci: `${OWRT}config mosquitto\n\toption port PORT1\n\nconfig listener\n\toption port PORT2\n\toption no_remote_access 1\n\toption allow_anonymous 1\n\toption max_connections 5\n`,
		conf: "port PORT1\n\nlistener PORT2 127.0.0.1\nmax_connections 5\nallow_anonymous true\n",
		probes: [
			{ port: 1, outcome: "in" },
			{ port: 2, outcome: "in" },
		],
		says: ["'allow_anonymous' of a listener holds for all of them"],
	},
	{
		name: "per_listener_settings: each listener with its own",
		uci: `${OWRT}config mosquitto\n\toption port PORT1\n\toption per_listener_settings 1\n\toption allow_anonymous 1\n\nconfig listener\n\toption port PORT2\n\toption allow_anonymous 0\n${FILES}\nconfig listener\n\toption port PORT3\n\toption allow_anonymous 1\n${ACL}`,
		conf: "port PORT1\nper_listener_settings true\nallow_anonymous true\n\nlistener PORT2\nallow_anonymous false\npassword_file DIR/passwd\n\nlistener PORT3\nallow_anonymous true\nacl_file DIR/acl\n",
		probes: [
			{ port: 1, outcome: "in" },
			{ port: 2, outcome: "out" },
			{ port: 2, ...ann, outcome: "in" },
			{ port: 3, outcome: "in", topic: "public/x" },
			{ port: 3, outcome: "mute", topic: "house/x" },
		],
	},
	{
		name: "TLS with a certificate of the broker",
		uci: `${OWRT}config mosquitto\n\toption port PORT1\n\toption no_remote_access 1\n\toption allow_anonymous 1\n\nconfig listener\n\toption port PORT2\n${TLS}\toption tls_version tlsv1.2\n`,
		conf: `bind_address localhost\nport PORT1\nallow_anonymous true\n\nlistener PORT2\n${TLS_CONF}tls_version tlsv1.2\n`,
		probes: [
			{ port: 1, outcome: "in" },
			{ port: 2, tls: "", outcome: "in" },
			{ port: 2, outcome: "out" },
			{ port: 1, tls: "", outcome: "out" },
		],
	},
	{
		name: "client certificates as user names, with rules",
		uci: `${OWRT}config mosquitto\n\toption port PORT1\n\toption allow_anonymous 0\n${ACL}\nconfig listener\n\toption port PORT2\n${TLS}\toption require_certificate 1\n\toption use_identity_as_username 1\n`,
		conf: `port PORT1\nallow_anonymous false\nacl_file DIR/acl\n\nlistener PORT2\n${TLS_CONF}require_certificate true\nuse_identity_as_username true\n`,
		probes: [
			{ port: 1, outcome: "out" },
			{ port: 2, tls: "", outcome: "out" },
			{ port: 2, tls: "ann", outcome: "in", topic: "house/x" },
			{ port: 2, tls: "ann", outcome: "mute", topic: "garden/x" },
		],
	},
	{
		name: "a mount point, a limit of QoS, persistence, and a bridge",
		uci: `${OWRT}config mosquitto\n\toption port PORT1\n\toption allow_anonymous 1\n\toption max_inflight_messages 5\n\toption sys_interval 30\n\nconfig persistence persistence\n\toption persistence 0\n\toption client_expiration 2w\n\nconfig listener\n\toption port PORT2\n\toption mount_point 'floor/'\n\toption max_qos 1\n\nconfig bridge\n\toption connection cloud\n\toption address 'cloud.example:8883'\n\tlist topic 'house/# out 1'\n\tlist topic 'cmd/# in'\n\toption remote_username me\n\toption remote_password 'it is'\n\toption cafile DIR/ca.pem\n\toption try_private 0\n`,
		conf: "port PORT1\nmax_inflight_messages 5\nsys_interval 30\nallow_anonymous true\npersistent_client_expiration 2w\npersistence false\n\nlistener PORT2\nmax_qos 1\nmount_point floor/\n",
		probes: [
			{ port: 1, outcome: "in" },
			{ port: 2, outcome: "in" },
		],
		says: ["The bridge 'cloud' is carried over, and takes effect with a version of mqttd that has bridges"],
	},
	{
		name: "several listeners with TLS, users and rules",
		uci: `${OWRT}config mosquitto\n\toption port PORT1\n\toption no_remote_access 1\n\toption per_listener_settings 1\n\toption allow_anonymous 1\n\toption user mosquitto\n\nconfig listener\n\toption port PORT2\n\toption bind_address 127.0.0.1\n${TLS}${FILES}${ACL}\nconfig listener\n\toption port PORT3\n${TLS}\toption require_certificate 1\n\toption use_subject_as_username 0\n\toption allow_anonymous 1\n\nconfig listener\n\toption max_connections 3\n`,
		conf: `bind_address localhost\nport PORT1\nper_listener_settings true\nallow_anonymous true\n\nlistener PORT2 127.0.0.1\n${TLS_CONF}password_file DIR/passwd\nacl_file DIR/acl\n\nlistener PORT3\n${TLS_CONF}require_certificate true\nallow_anonymous true\n`,
		probes: [
			{ port: 1, outcome: "in" },
			{ port: 2, tls: "", outcome: "out" },
			{ port: 2, tls: "", ...ann, outcome: "in", topic: "house/x" },
			{ port: 2, tls: "", ...ann, outcome: "mute", topic: "garden/x" },
			{ port: 3, tls: "", outcome: "out" },
			{ port: 3, tls: "ann", outcome: "in" },
		],
		says: ["'user' is not carried over: the broker runs as the user mqttd", "the listener has no port, and was none"],
	},
];

/** Rules for the cases with `DIR/acl`. */
export const ACL_FILE = "topic readwrite public/#\n\nuser ann\ntopic readwrite house/#\n\npattern readwrite own/%u/#\n";
