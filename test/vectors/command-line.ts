/**
 * The broker's command line as a table: arguments, what stands in the configuration file, and what comes of it. Compared with
 * mosquitto 2.0 and the manual of 2.1 (which has -q and --test-config, and ends -h with 0).
 */

export interface CommandLine {
	/** `FILE` stands for the path of the configuration file, `OTHER` for that of the second one, `NONE` for one that is not there. */
	readonly args: readonly string[];
	readonly config?: string;
	readonly other?: string;
	/** Exit code; of a broker that serves, after SIGTERM. */
	readonly code: 0 | 1 | 3 | 13;
	/** Lines of stderr, without their time, names of files as in `args`. */
	readonly stderr: readonly string[];
	/** What is on stdout; by default nothing. */
	readonly stdout?: RegExp;
}

/** Lines of a broker that serves, among others; and some that must not be there. */
export interface Serving {
	readonly args: readonly string[];
	readonly config?: string;
	readonly other?: string;
	readonly lines: readonly RegExp[];
	readonly not?: readonly RegExp[];
}

const USAGE = /^mqttd version \S+\n\nmqttd is an MQTT v5\.0\/v3\.1\.1\/v3\.1 broker\.\n\nUsage: mqttd \[-c config_file\]/;
const LISTENER = "listener auto 127.0.0.1\n";
const NUMBER = "'max_queued_messages' takes a number from 0.";

function port(value: string): CommandLine {
	return { args: ["-p", value], code: 3, stderr: [`Error: Invalid port specified (${value}).`] };
}

function unknown(option: string, ...before: string[]): CommandLine {
	return { args: [...before, option], code: 3, stderr: [`Error: Unknown option '${option}'.`], stdout: USAGE };
}

function missing(option: string, what: string): CommandLine {
	return { args: [option], code: 3, stderr: [`Error: ${option} argument given, but no ${what} specified.`] };
}

/** Those that end by themselves. */
export const ENDING: readonly CommandLine[] = [
	...["0", "-1", "65536", "x", "12x", "", "0x10", "99999999999"].map(port),
	missing("-p", "port"),
	missing("--port", "port"),
	missing("-c", "config file"),
	missing("--config-file", "config file"),
	missing("--pid-file", "file"),
	missing("--tls-keylog", "file"),
	unknown("-x"),
	unknown("--nonsense"),
	unknown("extra"),
	unknown(""),
	unknown("--config"),
	unknown("-x", "-v"),
	{ args: ["-h"], code: 0, stderr: [], stdout: USAGE },
	{ args: ["--help"], code: 0, stderr: [], stdout: USAGE },
	{ args: ["-v", "-h", "-x"], code: 0, stderr: [], stdout: USAGE },
	{ args: ["--version"], code: 0, stderr: [], stdout: /^mqttd version \S+\n$/ },
	{
		args: ["--tls-keylog", "keys"],
		code: 3,
		stderr: ["Error: --tls-keylog is not available: keys of connections are not told."],
	},
	{
		args: ["-p", "auto", ...Array.from({ length: 100 }, () => ["-p", "1"]).flat()],
		code: 3,
		stderr: ["Error: Only 100 ports can be specified on the command line."],
	},
	{
		args: ["-c", "NONE"],
		code: 3,
		stderr: ["Error: Unable to open config file 'NONE' (No such file or directory)."],
	},
	{
		args: ["-c", "FILE", "-c", "NONE"],
		config: LISTENER,
		code: 3,
		stderr: ["Error: Unable to open config file 'NONE' (No such file or directory)."],
	},
	{
		args: ["-d", "-c", "FILE"],
		config: "nonsense 1\n",
		code: 3,
		stderr: ["Error: Unknown configuration variable 'nonsense'.", "Error found at FILE:1."],
	},
	{
		args: ["-q", "-c", "FILE"],
		config: `${LISTENER}\nmax_queued_messages x\n`,
		code: 3,
		stderr: ["Error: 'max_queued_messages' value not a number.", "Error found at FILE:3.", NUMBER],
	},
	{
		args: ["-c", "FILE", "-c", "OTHER"],
		config: "pid_file /a\n",
		other: "pid_file /b\n",
		code: 3,
		stderr: ["Error: Duplicate 'pid_file' value in configuration.", "Error found at OTHER:1."],
	},

	{ args: ["--test-config"], code: 3, stderr: ["Error: Please provide a configuration file to test."] },
	{
		args: ["--test-config", "-p", "auto"],
		code: 3,
		stderr: ["Error: Please provide a configuration file to test."],
	},
	{ args: ["-c", "FILE", "--test-config"], config: "", code: 0, stderr: ["Configuration file is OK."] },
	{
		args: ["--test-config", "-c", "FILE", "-p", "1", "-v", "-d"],
		config: LISTENER,
		code: 0,
		stderr: ["Configuration file is OK."],
	},
	{
		args: ["-c", "FILE", "--test-config"],
		config: `${LISTENER}max_qos 3\n`,
		code: 3,
		stderr: [
			"Error: 'max_qos' must be between 0 and 2 inclusive.",
			"Error found at FILE:2.",
			"'max_qos' takes a number from 0 to 2.",
		],
	},
	{
		args: ["-c", "FILE", "--test-config"],
		config: `${LISTENER}acl_file NONE\n`,
		code: 3,
		stderr: ['Error: Unable to open ACL file "NONE" (No such file or directory).'],
	},
	{
		args: ["-c", "FILE", "--test-config"],
		config: `${LISTENER}certfile NONE\nkeyfile NONE\n`,
		code: 3,
		stderr: ['Error: Unable to open certfile "NONE" (No such file or directory).'],
	},
	{
		args: ["-c", "FILE", "--test-config"],
		config: `${LISTENER}plugin /usr/lib/go-auth.so\n`,
		code: 3,
		stderr: [
			'Error: Unable to load plugin "/usr/lib/go-auth.so".',
			"Error: Only plugins that come with mosquitto can be used, as they are built in: mosquitto_acl_file, mosquitto_dynamic_security, mosquitto_password_file, mosquitto_persist_sqlite, mosquitto_sparkplug_aware.",
			"Error found at FILE:2.",
		],
	},
];

/** Those that serve. */
export const SERVING: readonly Serving[] = [
	{
		args: ["-c", "FILE", "-p", "auto"],
		config: "allow_anonymous false\n",
		lines: [/^Config loaded from FILE\.$/m, /^Starting in local only mode\./m, /^Opening ipv4 listen socket on port/m],
		not: [/Clients need no user name/, /-p argument/, /on port 1883/],
	},
	{
		args: ["-c", "FILE", "-p", "1"],
		config: LISTENER,
		lines: [/^Warning: The -p argument has no effect: the configuration file defines listeners\.$/m],
		not: [/local only/, /on port 1\./],
	},
	{
		args: ["--config-file", "FILE", "-c", "OTHER", "-v"],
		config: "log_type none\n",
		other: LISTENER,
		lines: [/^Config loaded from FILE\.\nConfig loaded from OTHER\.$/m, /^Opening ipv4 listen socket/m],
		not: [/local only/],
	},
	{
		args: ["--port", "auto", "-p", "auto", "--verbose"],
		lines: [/^Using default config\.$/m, /^Clients need no user name in local only mode\.$/m],
	},
];
