/** The options of mosquitto_pub and mosquitto_sub as ONE table: the parser and the usage text come from it. */

import { addTopic, checkTopicFilter, checkTopicName, qosValue, sessionExpiry } from "./checks.ts";
import { checkFormat } from "./format.ts";
import { leadingDecimal, leadingInteger } from "./numbers.ts";
import {
	BOTH,
	flag,
	messageOption,
	type OptionDefinition,
	PUB,
	refused,
	SUB,
	setMessage,
	valued,
} from "./option.ts";
import { readProperty } from "./property-option.ts";
import { TLS_OPTIONS } from "./tls.ts";
import { readUrl } from "./url.ts";
import { InformationRequest, UsageError } from "./usage-error.ts";

const BOTH_IDS = "Error: -i and -I argument cannot be used together.\n\n";
const VERSIONS: Readonly<Record<string, 3 | 4 | 5>> = {
	mqttv31: 3,
	"31": 3,
	mqttv311: 4,
	"311": 4,
	mqttv5: 5,
	"5": 5,
};

const RETAIN_HANDLING: Readonly<Record<string, 0 | 1 | 2>> = { always: 0, new: 1, never: 2 };

/** Sorted as the usage text shows it: short names, then long ones. */
export const OPTIONS: readonly OptionDefinition[] = [
	valued(["-A"], BOTH, "ADDRESS", "no address specified", "connect from this local address", (s, v) => {
		s.bindAddress = v;
	}),
	flag(["-c", "--disable-clean-session"], BOTH, "keep the session after disconnecting (needs -i)", (s) => {
		s.cleanStart = false;
	}),
	valued(["-C"], SUB, "COUNT", "no count specified", "exit after this many messages", (s, v) => {
		const count = leadingInteger(v);
		if (count < 1) throw new UsageError(`Error: Invalid message count "${count}".\n\n`);
		s.messageCount = count;
	}),
	flag(["-d", "--debug"], BOTH, "print a line for each packet sent and received", (s) => {
		s.debug = true;
	}),
	{
		names: ["-D", "--property"],
		programs: BOTH,
		value: "PACKET PROPERTY VALUE",
		help: "add an MQTT 5.0 property, such as 'publish content-type text/plain' or 'connect user-property NAME VALUE'; implies -V mqttv5",
		read(settings, args, context) {
			const taken = readProperty(settings.properties, args, (text) => context.encode(text));
			settings.version = 5;
			return taken;
		},
	},
	flag(["-E"], SUB, "exit once the broker has acknowledged the subscriptions", (s) => {
		s.exitAfterSubscribe = true;
	}),
	messageOption(
		valued(["-f", "--file"], PUB, "FILE", "no file specified", "send a file's content", (s, v) =>
			setMessage(s, { kind: "file", path: v }),
		),
	),
	valued(
		["-F"],
		SUB,
		"FORMAT",
		"no format specified",
		"print messages in this format: %t topic, %p payload, %x payload in hexadecimal, %l its length, %q QoS, %r retained, %m packet identifier, %j and %J JSON, %I and %U time, @ and a letter as for strftime",
		(s, v) => {
			checkFormat(v);
			s.format = v;
		},
	),
	valued(["-h", "--host"], BOTH, "HOST", "no host specified", "broker to connect to (localhost)", (s, v) => {
		s.host = v;
	}),
	valued(
		["-i", "--id"],
		BOTH,
		"ID",
		"no id specified",
		"client identifier; without it the broker chooses one",
		(s, v) => {
			if (s.clientIdPrefix !== null) throw new UsageError(BOTH_IDS);
			s.clientId = v;
		},
	),
	valued(
		["-I", "--id-prefix"],
		BOTH,
		"PREFIX",
		"no id prefix specified",
		"client identifier that is PREFIX and the process id",
		(s, v) => {
			if (s.clientId !== null) throw new UsageError(BOTH_IDS);
			s.clientIdPrefix = v;
		},
	),
	valued(
		["-k", "--keepalive"],
		BOTH,
		"SECONDS",
		"no keepalive specified",
		"keep alive, 5 to 65535 (60)",
		(s, v) => {
			const seconds = leadingInteger(v);
			if (seconds < 5 || seconds > 65_535) {
				throw new UsageError("Error: Invalid keepalive given, it must be between 5 and 65535 inclusive.\n\n");
			}
			s.keepAlive = seconds;
		},
	),
	messageOption(
		flag(["-l", "--stdin-line"], PUB, "send each line of standard input as a message", (s) =>
			setMessage(s, { kind: "lines" }),
		),
	),
	valued(
		["-L", "--url"],
		BOTH,
		"URL",
		"no URL specified",
		"broker and topic as mqtt[s]:// or ws[s]://[USER[:PASSWORD]@]HOST[:PORT]/TOPIC",
		(s, v) => {
			const url = readUrl(v);
			addTopic(s, url.topic);
			s.host = url.host;
			s.port = url.port;
			s.webSocket ||= url.webSocket;
			if (url.tls) s.tls.useOsCerts = true;
			s.username = url.username ?? s.username;
			s.password = url.password ?? s.password;
		},
	),
	messageOption(
		valued(["-m", "--message"], PUB, "MESSAGE", "no message specified", "message to send", (s, v) =>
			setMessage(s, { kind: "argument", text: v }),
		),
	),
	{
		...valued(
			["-M"],
			BOTH,
			"COUNT",
			"max_inflight not specified",
			"unacknowledged messages at once (20)",
			(s, v) => {
				const count = leadingInteger(v);
				if (count < 1) {
					throw new UsageError("Error: Maximum inflight messages must be greater than 0.\n\n");
				}
				s.maximumInflight = count;
			},
		),
	},
	messageOption(
		flag(["-n", "--null-message"], PUB, "send an empty message", (s) => setMessage(s, { kind: "empty" })),
	),
	flag(["-N"], SUB, "print no end of line after a message", (s) => {
		s.endOfLine = false;
	}),
	valued(
		["-o"],
		BOTH,
		"FILE",
		"no options file specified",
		"read options from FILE, one a line, instead of from $HOME/.config/PROGRAM",
		() => {
			// Read before all others.
		},
	),
	valued(["-p", "--port"], BOTH, "PORT", "no port specified", "network port (1883)", (s, v) => {
		const port = leadingInteger(v);
		if (port < 0 || port > 65_535) throw new UsageError(`Error: Invalid port given: ${port}\n`);
		s.port = port;
	}),
	valued(["-P", "--pw"], BOTH, "PASSWORD", "no password specified", "password", (s, v) => {
		s.password = v;
	}),
	valued(["-q", "--qos"], BOTH, "QOS", "no QoS specified", "quality of service: 0, 1 or 2 (0)", (s, v) => {
		const qos = qosValue(v);
		if (qos === null) throw new UsageError(`Error: Invalid QoS given: ${leadingInteger(v)}\n`);
		s.qos = qos;
	}),
	flag(["-r", "--retain"], PUB, "the broker keeps the message for later subscribers", (s) => {
		s.retain = true;
	}),
	flag(["-R"], SUB, "print no retained messages", (s) => {
		s.hideRetained = true;
		s.retainHandling = 2;
	}),
	messageOption(
		flag(["-s", "--stdin-file"], PUB, "send all of standard input as one message", (s) =>
			setMessage(s, { kind: "stdin" }),
		),
	),
	valued(
		["-t", "--topic"],
		BOTH,
		"TOPIC",
		"no topic specified",
		"topic to publish or subscribe to; can be repeated to subscribe to several",
		addTopic,
	),
	valued(
		["-T", "--filter-out"],
		SUB,
		"FILTER",
		"no topic filter specified",
		"print no messages on these topics; can be repeated",
		(s, v) => {
			checkTopicFilter(v, "filter");
			s.filterOut.push(v);
		},
	),
	valued(["-u", "--username"], BOTH, "NAME", "no username specified", "user name", (s, v) => {
		s.username = v;
	}),
	valued(
		["-U", "--unsubscribe"],
		SUB,
		"TOPIC",
		"no unsubscribe topic specified",
		"unsubscribe from a topic; can be repeated",
		(s, v) => {
			checkTopicFilter(v, "unsubscribe");
			s.unsubscribeTopics.push(v);
		},
	),
	flag(["-v", "--verbose"], SUB, "print topics before messages, and (null) for empty messages", (s) => {
		s.verbose = true;
	}),
	valued(
		["-V", "--protocol-version"],
		BOTH,
		"VERSION",
		"no version specified",
		"MQTT version: mqttv5, mqttv311 or mqttv31 (mqttv311)",
		(s, v) => {
			const version = VERSIONS[v];
			if (version === undefined) {
				throw new UsageError("Error: Invalid protocol version argument given.\n\n");
			}
			s.version = version;
		},
		"--protocol-version",
	),
	flag(["-w", "--watch"], SUB, "print each topic's messages at a line of its own on the terminal", (s) => {
		s.watch = true;
	}),
	valued(["-W"], SUB, "SECONDS", "no timeout specified", "exit with 27 after this time", (s, v) => {
		const seconds = leadingInteger(v);
		if (seconds < 1) throw new UsageError(`Error: Invalid timeout "${seconds}".\n\n`);
		s.timeout = seconds;
	}),
	valued(
		["-x"],
		BOTH,
		"SECONDS",
		"no session expiry interval specified",
		"how long the broker keeps the session, -1 for ever; implies -V mqttv5",
		(s, v) => {
			s.sessionExpiryInterval = sessionExpiry(v);
			s.version = 5;
		},
	),
	{
		names: ["--help"],
		programs: BOTH,
		value: "",
		help: "print this text",
		read() {
			throw new InformationRequest("usage");
		},
	},
	flag(["--message-rate"], SUB, "print how many messages come each second instead of the messages", (s) => {
		s.messageRate = true;
	}),
	flag(["--no-tls"], BOTH, "connect without TLS whatever the port", (s) => {
		s.noTls = true;
	}),
	flag(["--nodelay"], BOTH, "send small packets at once (TCP_NODELAY)", (s) => {
		s.noDelay = true;
	}),
	flag(["--pretty"], SUB, "print JSON on several lines", (s) => {
		s.pretty = true;
	}),
	flag(["--quiet"], BOTH, "print no error messages", (s) => {
		s.quiet = true;
	}),
	valued(
		["--random-filter"],
		SUB,
		"PERCENT",
		"no chance specified",
		"print each message with this probability, 0.1 to 100",
		(s, v) => {
			const chance = Math.trunc(100 * leadingDecimal(v));
			if (chance > 10_000 || chance < 10) {
				throw new UsageError("Error: --random-filter chance must be between 0.1-100.0\n\n");
			}
			s.randomFilter = chance;
		},
	),
	flag(["--remove-retained"], SUB, "delete the retained messages that arrive", (s) => {
		s.removeRetained = true;
	}),
	valued(["--repeat"], PUB, "COUNT", "no count specified", "publish the message this many times", (s, v) => {
		const count = leadingInteger(v);
		if (count < 1) throw new UsageError("Error: --repeat argument must be >0.\n\n");
		s.repeatCount = count;
	}),
	valued(["--repeat-delay"], PUB, "SECONDS", "no time specified", "pause between repetitions (0)", (s, v) => {
		const seconds = leadingDecimal(v);
		if (seconds < 0) throw new UsageError("Error: --repeat-delay argument must be >=0.0.\n\n");
		s.repeatDelay = Math.trunc(seconds * 1000);
	}),
	flag(["--retain-as-published"], SUB, "show the retain flag as the publisher set it (MQTT 5.0)", (s) => {
		s.retainAsPublished = true;
	}),
	valued(
		["--retain-handling"],
		SUB,
		"always|new|never",
		"no option specified",
		"when to send retained messages (MQTT 5.0)",
		(s, v) => {
			const handling = RETAIN_HANDLING[v];
			if (handling === undefined) {
				throw new UsageError(`Error: Unknown value '${v}' for --retain-handling.\n\n`);
			}
			s.retainHandling = handling;
		},
	),
	flag(["--retained-only"], SUB, "exit at the first message that is not retained", (s) => {
		s.retainedOnly = true;
	}),
	valued(["--unix"], BOTH, "PATH", "no socket path specified", "connect to a unix socket", (s, v) => {
		s.host = v;
		s.port = 0;
	}),
	{
		names: ["--version"],
		programs: BOTH,
		value: "",
		help: "print the version",
		read() {
			throw new InformationRequest("version");
		},
	},
	valued(
		["--will-payload"],
		BOTH,
		"MESSAGE",
		"no will payload specified",
		"content of the will (empty)",
		(s, v) => {
			s.willPayload = v;
		},
	),
	valued(
		["--will-qos"],
		BOTH,
		"QOS",
		"no will QoS specified",
		"quality of service of the will (0)",
		(s, v) => {
			const qos = qosValue(v);
			if (qos === null) throw new UsageError(`Error: Invalid will QoS ${leadingInteger(v)}.\n\n`);
			s.willQos = qos;
		},
	),
	flag(["--will-retain"], BOTH, "the broker keeps the will for later subscribers", (s) => {
		s.willRetain = true;
	}),
	valued(
		["--will-topic"],
		BOTH,
		"TOPIC",
		"no will topic specified",
		"topic of the will, which the broker publishes when the connection breaks",
		(s, v) => {
			checkTopicName(v, "will");
			s.willTopic = v;
		},
	),
	flag(["--ws"], BOTH, "connect by way of WebSocket (port 8080)", (s) => {
		s.webSocket = true;
	}),
	...TLS_OPTIONS,
	refused(["--mptcp"], "this version has no Multipath TCP"),
	refused(["--proxy"], "this version has no SOCKS proxy"),
	refused(["-S"], "this version has no SRV look-ups"),
];
