import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PacketType } from "../../../src/packet/packet.ts";
import { OPTIONS } from "../../../src/tools/option-table.ts";
import type { FakeContext } from "../../fake/host.ts";
import { start } from "./fixture.ts";

const T = ["-t", "t"];
const TM = [...T, "-m", "m"];

/** Program, arguments, and what standard error says before the line that points to `--help`. */
const WRONG: readonly (readonly ["pub" | "sub", readonly string[], string])[] = [
	["pub", ["--nonsense"], "Error: Unknown option '--nonsense'.\n"],
	["pub", ["word"], "Error: Unknown option 'word'.\n"],
	["pub", ["-C", "1"], "Error: Unknown option '-C'.\n"],
	["sub", ["-m", "m"], "Error: Unknown option '-m'.\n"],
	["pub", ["-h"], "Error: -h argument given but no host specified.\n\n"],
	["pub", ["--host"], "Error: -h argument given but no host specified.\n\n"],
	["pub", ["-p"], "Error: -p argument given but no port specified.\n\n"],
	["pub", ["-p", "65536"], "Error: Invalid port given: 65536\n"],
	["pub", ["-q", "3"], "Error: Invalid QoS given: 3\n"],
	["pub", ["-V"], "Error: --protocol-version argument given but no version specified.\n\n"],
	["pub", ["-V", "4"], "Error: Invalid protocol version argument given.\n\n"],
	["pub", ["-k", "4"], "Error: Invalid keepalive given, it must be between 5 and 65535 inclusive.\n\n"],
	["pub", ["-M", "0"], "Error: Maximum inflight messages must be greater than 0.\n\n"],
	["pub", ["-m", "m", "-n"], "Error: Only one type of message can be sent at once.\n\n"],
	["pub", ["-l", "-f"], "Error: Only one type of message can be sent at once.\n\n"],
	["pub", ["-i", "a", "-I", "b"], "Error: -i and -I argument cannot be used together.\n\n"],
	["pub", ["-t", "a/+"], "Error: Invalid publish topic 'a/+', does it contain '+' or '#'?\n"],
	["pub", ["-t", ""], "Error: Invalid publish topic '', does it contain '+' or '#'?\n"],
	[
		"pub",
		["-t", "/".repeat(201)],
		`Error: Invalid publish topic '${"/".repeat(201)}', does it contain '+' or '#'?\n`,
	],
	["sub", ["-t", "a#"], "Error: Invalid subscription topic 'a#', are all '+' and '#' wildcards correct?\n"],
	["sub", ["-T", "a#"], "Error: Invalid filter topic 'a#', are all '+' and '#' wildcards correct?\n"],
	["sub", ["-U", "#/a"], "Error: Invalid unsubscribe topic '#/a', are all '+' and '#' wildcards correct?\n"],
	["sub", [], "Error: You must specify a topic to subscribe to.\n"],
	["sub", ["-C", "0"], 'Error: Invalid message count "0".\n\n'],
	["sub", ["-W", "x"], 'Error: Invalid timeout "0".\n\n'],
	["sub", ["-F", "%z"], "Error: Invalid format specifier 'z'.\n"],
	["sub", ["-F", "%-5"], "Error: Incomplete format specifier.\n"],
	["sub", ["-F", "\\q"], "Error: Invalid escape specifier 'q'.\n"],
	["sub", ["--retain-handling", "x"], "Error: Unknown value 'x' for --retain-handling.\n\n"],
	["sub", ["--random-filter", "0"], "Error: --random-filter chance must be between 0.1-100.0\n\n"],
	["pub", ["--repeat", "0"], "Error: --repeat argument must be >0.\n\n"],
	["pub", ["--repeat-delay", "-1"], "Error: --repeat-delay argument must be >=0.0.\n\n"],
	["pub", ["--will-topic", "#"], "Error: Invalid will topic '#', does it contain '+' or '#'?\n"],
	["pub", ["--will-qos", "3"], "Error: Invalid will QoS 3.\n\n"],
	["pub", [...TM, "--will-payload", "x"], "Error: Will payload given, but no will topic given.\n"],
	["pub", [...TM, "--will-retain"], "Error: Will retain given, but no will topic given.\n"],
	["pub", [...TM, "-c"], "Error: You must provide a client id if you are using the -c option.\n"],
	[
		"sub",
		[...T, "-c", "-V", "5"],
		"Error: You must provide a client id if you are using an infinite session expiry interval.\n",
	],
	["pub", ["-x", "1s"], "Error: session-expiry-interval not a number.\n\n"],
	["pub", ["-x", "4294967296"], "Error: session-expiry-interval out of range.\n\n"],
	["pub", ["-L", "http://h/t"], "Error: Unsupported URL scheme.\n\n"],
	["pub", ["-L", "mqtt://h"], "Error: Invalid URL for -L argument specified - topic missing.\n"],
	["pub", ["-L", "mqtt://h:0/t"], "Error: Invalid port given: 0\n"],
	["pub", ["-D", "connect", "x"], "Error: --property argument given but not enough arguments specified.\n\n"],
	["pub", ["-D", "x", "y", "z"], "Error: Invalid command given in --property argument.\n\n"],
	["pub", ["-D", "connect", "y", "z"], "Error: Invalid property name given in --property argument.\n\n"],
	[
		"pub",
		["-D", "connect", "topic-alias", "1"],
		"Error: topic-alias property not allowed for connect in --property argument.\n\n",
	],
	[
		"pub",
		["-D", "publish", "subscription-identifier", "1"],
		"Error: subscription-identifier property not supported for publish in --property argument.\n\n",
	],
	[
		"pub",
		["-D", "auth", "authentication-method", "m"],
		"Error: authentication-method property not supported for auth in --property argument.\n\n",
	],
	[
		"pub",
		["-D", "connect", "receive-maximum", "70000"],
		"Error: Property value (70000) out of range for property receive-maximum.\n\n",
	],
	[
		"pub",
		[...TM, "--cert", "f"],
		"Error: Both certfile and keyfile must be provided if one of them is set.\n",
	],
	["pub", [...TM, "--psk", "00"], "Error: --psk-identity required if --psk used.\n"],
	[
		"pub",
		[...TM, "--psk", "00", "--psk-identity", "i", "--cafile", "f"],
		"Error: Only one of --psk or --cafile/--capath may be used at once.\n",
	],
	[
		"pub",
		[...TM, "--psk", "0g", "--psk-identity", "i"],
		"Error: --psk is not a key of 1 to 64 octets in hexadecimal digits.\n",
	],
	["sub", ["--tls-version", "tlsv1.1"], "Error: Invalid TLS version 'tlsv1.1'.\n\n"],
	[
		"sub",
		["--tls-engine", "e"],
		"Error: The option --tls-engine is not supported: keys are read from files only.\n\n",
	],
	[
		"sub",
		["--keyform", "engine"],
		"Error: The option --keyform engine is not supported: keys are read from files only.\n\n",
	],
	["pub", [...TM, "--cafile", "/none"], "Error: Unable to open /none (No such file or directory).\n"],
	["pub", [...TM, "-p", "8883"], "Error: The system has no certificates of authorities; give --cafile.\n"],
	["pub", ["-o"], "Error: -o argument given but no options file specified.\n\n"],
	["pub", ["-o", "a", "-o", "b"], "Error: Duplicate -o argument given.\n\n"],
	["pub", ["-o", "/none"], 'Error: Unable to read options file "/none": No such file or directory.\n'],
];

describe("a wrong command line", () => {
	for (const [program, args, text] of WRONG) {
		it(`${program} ${args.join(" ").slice(0, 60)}`, async () => {
			const run = await start(program, args);
			assert.equal(run.err, `${text}\nUse 'mosquitto_${program} --help' to see usage.\n`);
			assert.equal(run.code, 1);
			assert.equal(run.out, "");
			assert.equal(run.server.peers.length, 0);
		});
	}

	it("pub without topic or message prints the usage text", async () => {
		for (const args of [T, ["-m", "m"], []]) {
			const run = await start("pub", args);
			assert.equal(run.err, "Error: Both topic and message must be supplied.\n");
			assert.match(run.out, /^Usage: mosquitto_pub /m);
			assert.equal(run.code, 1);
		}
	});

	it("an empty client identifier, and a password alone", async () => {
		assert.equal((await start("pub", [...TM, "-i", ""])).err, "Error: Invalid id.\n");
		assert.equal((await start("sub", [...T, "-i", ""])).err, "Error: Invalid id and/or clean_session.\n");
		const run = await start("pub", [...TM, "-P", "p"]);
		assert.equal(run.err, "Error: Problem setting username and/or password.\n");
		assert.equal(run.code, 1);
		assert.equal((await start("pub", [...TM, "-P", "p", "--quiet"])).err, "");
	});

	it("what no packet can carry", async () => {
		const long = "x".repeat(65_536);
		for (const args of [
			["-i", long],
			["-u", long],
			["--will-topic", "w", "--will-payload", long],
		]) {
			const run = await start("sub", [...T, ...args]);
			assert.match(run.err, /^Error: .*\.\n$/);
			assert.equal(run.code, 1);
			assert.equal(run.server.peers.length, 0);
		}
		for (const name of ["user-property", "response-topic"]) {
			const run = await start("pub", [...TM, "-D", "publish", name, long, long]);
			assert.match(run.err, new RegExp(`^Error: Property value too long for property ${name}\\.\n`));
		}
	});

	it("-R with --retained-only", async () => {
		const run = await start("sub", [...T, "-R", "--retained-only"]);
		assert.equal(run.err, "\nError: Combining '-R' and '--retained-only' makes no sense.\n");
		assert.equal(run.code, 1);
	});
});

describe("the usage text", () => {
	for (const program of ["pub", "sub"] as const) {
		it(`of ${program} shows every option of its own, and no other`, async () => {
			const { out, code, err } = await start(program, ["--help"]);
			assert.equal(code, 1, "as mosquitto's");
			assert.equal(err, "");
			assert.match(out, new RegExp(`^mosquitto_${program} version 1\\.2\\.3 `, "m"));
			const shown = [...out.matchAll(/^ (-[^\s,]+(?:, -[^\s,]+)*)/gm)].map((match) => match[1]);
			const own = OPTIONS.filter(
				(option) => option.help !== null && option.programs.includes(`mosquitto_${program}`),
			);
			assert.deepEqual(
				shown,
				own.map((option) => option.names.join(", ")),
			);
			for (const line of out.split("\n")) assert.ok(line.length <= 110, line);
		});
	}

	it("is not printed for --version", async () => {
		const { out, code } = await start("sub", ["--version"]);
		assert.equal(out, "mosquitto_sub version 1.2.3 running on mqttd 1.2.3.\n");
		assert.equal(code, 1);
	});

	it("has no option twice", () => {
		for (const program of ["mosquitto_pub", "mosquitto_sub"] as const) {
			const names = OPTIONS.filter((each) => each.programs.includes(program)).flatMap((each) => each.names);
			assert.equal(new Set(names).size, names.length);
		}
	});
});

describe("what the command line asks of CONNECT", () => {
	const DEFAULT = {
		type: PacketType.CONNECT,
		version: 4,
		bridge: false,
		cleanStart: true,
		keepAlive: 60,
		clientId: "",
		will: null,
		username: null,
		password: null,
		properties: null,
	} as const;
	const octets = (text: string) => new TextEncoder().encode(text);
	const V5 = { version: 5, properties: { receiveMaximum: 20 } } as const;
	const cases: readonly (readonly ["pub" | "sub", readonly string[], object])[] = [
		["pub", [], {}],
		["pub", ["-i", "me", "-c", "-k", "5"], { clientId: "me", cleanStart: false, keepAlive: 5 }],
		["pub", ["-I", "pre-"], { clientId: "pre-4711" }],
		["pub", ["-u", "u", "-P", "p"], { username: "u", password: octets("p") }],
		[
			"pub",
			["--will-topic", "w", "--will-payload", "gone", "--will-qos", "2", "--will-retain"],
			{ will: { topic: "w", payload: octets("gone"), qos: 2, retain: true, properties: null } },
		],
		[
			"sub",
			["--will-topic", "w"],
			{ will: { topic: "w", payload: octets(""), qos: 0, retain: false, properties: null } },
		],
		["pub", ["-V", "mqttv311"], {}],
		["pub", ["-V", "5"], V5],
		["sub", ["-V", "mqttv5", "-C", "3"], { version: 5, properties: { receiveMaximum: 3 } }],
		["sub", ["-V", "mqttv5", "-C", "300"], V5],
		["pub", ["-x", "0x10"], { version: 5, properties: { receiveMaximum: 20, sessionExpiryInterval: 16 } }],
		[
			"pub",
			["-V", "5", "-c", "-i", "me"],
			{
				version: 5,
				cleanStart: false,
				clientId: "me",
				properties: { receiveMaximum: 20, sessionExpiryInterval: 4_294_967_295 },
			},
		],
		[
			"pub",
			["-D", "CONNECT", "user-property", "k", "v", "-D", "connect", "receive-maximum", "7"],
			{ version: 5, properties: { receiveMaximum: 7, userProperty: [["k", "v"]] } },
		],
	];
	for (const [program, args, expected] of cases) {
		it(`${program} ${args.join(" ")}`, async () => {
			const { version } = { ...DEFAULT, ...expected };
			const own = program === "pub" ? TM : T;
			const run = await start(program, [...own, ...args], { version });
			assert.deepEqual(run.server.take(), [{ ...DEFAULT, ...expected }]);
		});
	}

	it("31 has a client identifier of its own", async () => {
		const run = await start("pub", [...TM, "-V", "31"], { version: 3 });
		const [connect] = run.server.take();
		assert.match(connect?.type === PacketType.CONNECT ? connect.clientId : "", /^mosq-\w{18}$/);
	});
});

describe("where to connect", () => {
	const cases: readonly (readonly [readonly string[], object])[] = [
		[[], { host: "localhost", port: 1883, noDelay: false }],
		[["-h", "router", "-p", "1234", "--nodelay"], { host: "router", port: 1234, noDelay: true }],
		[["-p", "8883", "--no-tls"], { host: "localhost", port: 8883, noDelay: false }],
		[["--unix", "/run/m.sock"], { host: "/run/m.sock", port: 0, noDelay: false }],
		[["--unix", "m.sock"], { host: "/home/me/m.sock", port: 0, noDelay: false }],
		[["-A", "192.0.2.1"], { host: "localhost", port: 1883, noDelay: false, bindAddress: "192.0.2.1" }],
		[["-A", "localhost"], { host: "localhost", port: 1883, noDelay: false, bindAddress: "127.0.0.1" }],
	];
	for (const [args, expected] of cases) {
		it(args.join(" ") || "nothing given", async () => {
			const run = await start("pub", [...TM, ...args], { environment: { PWD: "/home/me" } });
			assert.deepEqual(run.host.network.connects, [expected]);
		});
	}

	const FILES = { "/ca.pem": "ca", "/os.pem": "os", "/c.pem": "certificate", "/k.pem": "key" };
	const TLS_CASES: readonly (readonly [args: readonly string[], expected: object])[] = [
		[["--cafile", "/ca.pem"], { authorities: "ca\n", verifyName: true, minimumVersion: "TLSv1.2" }],
		[["--cafile", "/ca.pem", "--insecure"], { authorities: "ca\n", verifyName: false }],
		[["--cafile", "/ca.pem", "--tls-version", "tlsv1.3"], { minimumVersion: "TLSv1.3" }],
		[
			["--cafile", "/ca.pem", "--cert", "/c.pem", "--key", "/k.pem"],
			{ certificate: "certificate", key: "key" },
		],
		[["--cafile", "/ca.pem", "--tls-alpn", "mqtt", "--ciphers", "A:B"], { alpn: ["mqtt"], ciphers: "A:B" }],
		[
			["--psk", "01fF", "--psk-identity", "me"],
			{ authorities: null, psk: { identity: "me", key: [1, 255] } },
		],
		[["--tls-use-os-certs"], { authorities: "os\n" }],
		[["-p", "8883"], { authorities: "os\n" }],
		[["-L", "mqtts://localhost:1883/a"], { authorities: "os\n" }],
	];
	/** Octets as text, so that a difference can be read. */
	const plain = (value: unknown): unknown =>
		value instanceof Uint8Array
			? value.length === 2
				? [...value]
				: Buffer.from(value).toString()
			: value !== null && typeof value === "object" && !Array.isArray(value)
				? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
				: value;
	for (const [args, expected] of TLS_CASES) {
		it(`with TLS: ${args.join(" ")}`, async () => {
			const own = args[0] === "-L" ? ["-m", "x"] : TM;
			const run = await start("pub", [...own, ...args], {
				environment: { SSL_CERT_FILE: "/os.pem" },
				files: FILES,
			});
			const context = run.host.network.connects[0]?.tls?.context as unknown as FakeContext | undefined;
			assert.ok(context !== undefined, "TLS was asked for");
			const options = plain(context.options) as Record<string, unknown>;
			for (const [name, value] of Object.entries(expected)) assert.deepEqual(options[name], value, name);
		});
	}

	it("a URL gives host, port, user and topic", async () => {
		const run = await start("pub", ["-m", "x", "-L", "mqtt://u:p%40@127.0.0.1/a/b"]);
		const [connect] = run.server.take();
		assert.ok(connect?.type === PacketType.CONNECT);
		assert.equal(connect.username, "u");
		assert.deepEqual(connect.password, new TextEncoder().encode("p%40"));
		const other = await start("sub", ["-L", "mqtt://[::1]:1999/a/#"]);
		assert.deepEqual(other.host.network.connects, [{ host: "::1", port: 1999, noDelay: false }]);
	});

	it("a local address that does not resolve", async () => {
		const run = await start("sub", [...T, "-A", "no.such.host"]);
		assert.equal(run.err, "Unable to connect (Lookup error.).\n");
		assert.equal(run.code, 1);
	});
});

describe("options files", () => {
	const text = "# who I am\n-u me\n-P secret word\r\n\n-q 1\n--will-topic w\n";

	it("of the user are read first; the command line wins", async () => {
		for (const [environment, path] of [
			[{ HOME: "/root" }, "/root/.config/mosquitto_pub"],
			[{ HOME: "/root", XDG_CONFIG_HOME: "/cfg" }, "/cfg/mosquitto_pub"],
		] as const) {
			const run = await start("pub", [...TM, "-u", "other"], { environment, files: { [path]: text } });
			const [connect] = run.server.take();
			assert.ok(connect?.type === PacketType.CONNECT);
			assert.equal(connect.username, "other");
			assert.deepEqual(connect.password, new TextEncoder().encode("secret word"));
			assert.equal(connect.will?.topic, "w");
		}
	});

	it("are for one program only", async () => {
		const run = await start("sub", T, {
			environment: { HOME: "/root" },
			files: { "/root/.config/mosquitto_pub": text },
		});
		const [connect] = run.server.take();
		assert.equal(connect?.type === PacketType.CONNECT && connect.username, null);
	});

	it("named with -o are read instead", async () => {
		const run = await start("sub", [...T, "-o", "/f"], {
			environment: { HOME: "/root" },
			files: { "/root/.config/mosquitto_sub": "-u me", "/f": "-i named" },
		});
		const [connect] = run.server.take();
		assert.ok(connect?.type === PacketType.CONNECT);
		assert.deepEqual([connect.username, connect.clientId], [null, "named"]);
	});

	it("that are wrong are refused like the command line", async () => {
		const run = await start("sub", T, {
			environment: { HOME: "/root" },
			files: { "/root/.config/mosquitto_sub": "--nope 1\n" },
		});
		assert.match(run.err, /^Error: Unknown option '--nope'\.\n/);
		assert.equal(run.code, 1);
	});
});
