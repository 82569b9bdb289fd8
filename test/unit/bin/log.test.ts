/** The log: form of lines, types, destinations, and what happens when one cannot be written. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { harmless, type LogSettings, ProgramLog, startLogSettings } from "../../../src/bin/log.ts";
import { logSettings } from "../../../src/bin/settings.ts";
import type { ConfigError } from "../../../src/config/error.ts";
import { readConfig } from "../../../src/config/read.ts";
import { LOG_TYPES } from "../../../src/config/value.ts";
import { createFakeHost, fakeError } from "../../fake/host.ts";

const NOW = Date.UTC(2026, 0, 1) / 1000;

function setUp(changes: Partial<LogSettings> = {}) {
	const host = createFakeHost();
	const log = new ProgramLog(host, "mqttd");
	log.configure({ ...startLogSettings, ...changes });
	return { host, log };
}

describe("lines", () => {
	test("begin with seconds, a time of the owner's form in local time, or nothing", () => {
		const { host, log } = setUp();
		log.write("error", "one");
		host.clock.advance(1999);
		log.write("notice", "two");
		host.clock.offset = 60;
		log.configure({ ...startLogSettings, timestampFormat: "%Y-%m-%dT%H:%M:%S" });
		log.write("information", "three");
		log.configure({ ...startLogSettings, timestamp: false, timestampFormat: "%Y" });
		log.write("warning", "four");
		assert.equal(
			host.process.stderr.text,
			`${NOW}: one\n${NOW + 1}: two\n2026-01-01T01:00:01: three\nfour\n`,
		);
	});

	test("tell each second as it is, also after the clock was set back", () => {
		const { host, log } = setUp();
		for (const change of [0, 999, 1, 999, -1000, -3_600_000, 86_400_000]) {
			host.clock.epoch += change;
			log.write("error", String(change));
		}
		const seconds = host.process.stderr.text.match(/^\d+(?=: )/gm);
		assert.deepEqual(
			seconds,
			[0, 0, 1, 1, 0, -3600, 82_800].map((since) => String(NOW + since)),
		);
	});

	test("stay one line, whatever a peer put in them", () => {
		const { host, log } = setUp({ timestamp: false });
		log.write("error", "a\nb\r\u001b[2J\u0000\u007f\u009b\u2028\u202e~\u00e9\u{1f600}");
		assert.equal(
			host.process.stderr.text,
			"a\\x0ab\\x0d\\x1b[2J\\x00\\x7f\\x9b\\u2028\\u202e~\u00e9\u{1f600}\n",
		);
		assert.equal(harmless("plain"), "plain");
		assert.equal(harmless("\ta\tb"), "\ta\\x09b");
	});

	test("are cut where a peer makes them long", () => {
		const { host, log } = setUp({ timestamp: false });
		for (const character of ["x", "\u20ac", "\u0001"]) {
			host.process.stderr.text = "";
			log.write("error", character.repeat(70_000));
			const shown = character === "\u0001" ? "\\x01" : character;
			assert.equal(host.process.stderr.text, `${shown.repeat(1000)}...\n`);
		}
	});

	test("a format that is too long does not break the log", () => {
		const { host, log } = setUp({ timestampFormat: "\u20ac".repeat(5000) });
		log.write("error", "text");
		assert.ok(host.process.stderr.text.endsWith(": text\n"));
	});
});

describe("types", () => {
	test("only wanted ones are written, and the log says which", () => {
		const { host, log } = setUp({ types: ["debug"], timestamp: false });
		assert.deepEqual([log.enabled("debug"), log.enabled("error")], [true, false]);
		log.write("error", "no");
		log.write("debug", "yes");
		assert.equal(host.process.stderr.text, "yes\n");
	});

	test("none is wanted without a destination", () => {
		const { log } = setUp({ destinations: [] });
		assert.equal(log.enabled("error"), false);
	});
});

describe("destinations", () => {
	test("several get the same line", () => {
		const { host, log } = setUp({
			destinations: [
				{ kind: "stdout" },
				{ kind: "stderr" },
				{ kind: "syslog" },
				{ kind: "file", path: "/var/log/mqttd.log" },
			],
			types: ["error", "warning", "notice", "information", "subscribe", "debug"],
			facility: "local3",
		});
		for (const type of ["error", "warning", "notice", "information", "subscribe", "debug"] as const) {
			log.write(type, type);
		}
		const lines = host.process.stdout.text.split("\n");
		assert.deepEqual([lines[0], lines.length], [`${NOW}: error`, 7]);
		assert.equal(host.process.stderr.text, host.process.stdout.text);
		assert.equal(host.files.text("/var/log/mqttd.log"), host.process.stdout.text);
		assert.equal(host.files.info("/var/log/mqttd.log")?.mode, 0o600);
		assert.equal(host.syslog.opened, "mqttd.local3");
		assert.deepEqual(host.syslog.lines, [
			{ level: "error", text: `${NOW}: error` },
			{ level: "warning", text: `${NOW}: warning` },
			{ level: "notice", text: `${NOW}: notice` },
			{ level: "info", text: `${NOW}: information` },
			{ level: "notice", text: `${NOW}: subscribe` },
			{ level: "debug", text: `${NOW}: debug` },
		]);
	});

	test("the broker's topics get lines with their time, but for those about packets", () => {
		const { host, log } = setUp({
			destinations: [{ kind: "topic" }, { kind: "stderr" }],
			types: ["error", "notice", "debug"],
		});
		const published: string[] = [];
		log.write("error", "nobody publishes yet");
		log.publishWith((type, line) => published.push(`${type} ${line}`));
		log.write("notice", "one");
		log.write("debug", "two");
		log.write("warning", "not wanted");
		assert.deepEqual(published, [`notice ${NOW}: one`]);
		assert.equal(host.process.stderr.text, `${NOW}: nobody publishes yet\n${NOW}: one\n${NOW}: two\n`);
		assert.equal(log.enabled("debug"), true);
		log.configure({ ...startLogSettings, destinations: [{ kind: "topic" }], types: ["notice", "debug"] });
		assert.deepEqual([log.enabled("notice"), log.enabled("debug")], [true, false]);
	});

	test("a closed stream does not end the program", () => {
		const { host, log } = setUp();
		host.process.stderr.failWith = "EPIPE";
		log.write("error", "nobody reads this");
		host.process.stderr.failWith = null;
		log.write("error", "this is read");
		assert.equal(host.process.stderr.text, `${NOW}: this is read\n`);
	});

	test("a full disk is told once there is room again", () => {
		const { host, log } = setUp({ destinations: [{ kind: "file", path: "/log" }], timestamp: false });
		log.write("error", "one");
		host.files.failWith = "ENOSPC";
		log.write("error", "two");
		log.write("error", "three");
		host.files.failWith = null;
		log.write("error", "four");
		log.write("error", "five");
		assert.equal(
			host.files.text("/log"),
			"one\nWarning: 2 log lines were lost (No space left on device).\nfour\nfive\n",
		);
	});

	test("a file that cannot be opened leaves the log as it was", () => {
		const { host, log } = setUp();
		host.files.failWith = "EACCES";
		assert.throws(
			() => log.configure({ ...startLogSettings, destinations: [{ kind: "file", path: "/log" }] }),
			{
				code: "EACCES",
			},
		);
		log.write("error", "still here");
		assert.equal(host.process.stderr.text, `${NOW}: still here\n`);
	});

	test("reopen goes on in a new file after the old one was moved, or in the old one when that fails", () => {
		const { host, log } = setUp({ destinations: [{ kind: "file", path: "/log" }], timestamp: false });
		log.write("error", "one");
		host.files.rename("/log", "/log.1");
		log.reopen();
		log.write("error", "two");
		assert.deepEqual([host.files.text("/log.1"), host.files.text("/log")], ["one\n", "two\n"]);
		host.files.failWith = "EACCES";
		assert.throws(() => log.reopen(), { code: "EACCES" });
		host.files.failWith = null;
		log.write("error", "three");
		assert.equal(host.files.text("/log"), "two\nthree\n");
	});
});

describe("settings", () => {
	const FILE = "/mosquitto.conf";

	function read(...lines: string[]) {
		const host = createFakeHost();
		host.files.put(FILE, `${lines.join("\n")}\n`);
		return readConfig(host, [FILE]);
	}

	/** `log_dest` lines, and where the log goes then; or the error. */
	const DESTINATIONS: readonly (readonly [values: readonly string[], places: readonly string[] | string])[] =
		[
			[[], ["stderr"]],
			[["none"], []],
			[["stdout"], ["stdout"]],
			[
				["stdout", "stderr", "syslog", "topic", "file /log"],
				["stdout", "stderr", "syslog", "topic", "file"],
			],
			[["stdout", "stdout"], ["stdout"]],
			[["stdout", "none"], []],
			[["none", "syslog"], ["syslog"]],
			[["file /log", "none", "file /other"], ["file"]],
			[["dlt"], []],
			[["dlt", "stderr"], ["stderr"]],
			[["android"], "Error: Invalid 'log_dest' value (android)."],
			[["file /log", "file /other"], 'Error: Duplicate "log_dest file" value.'],
			[["file"], 'Error: Empty "log_dest file" value in configuration.'],
		];
	for (const [values, places] of DESTINATIONS) {
		test(`log_dest ${values.join(", ")}`, () => {
			const lines = values.map((value) => `log_dest ${value}`);
			if (typeof places === "string") {
				assert.throws(
					() => read(...lines),
					({ lines: said }: ConfigError) => said[0] === places,
				);
				return;
			}
			const { global, remarks } = read(...lines);
			assert.deepEqual(
				global.logDestinations.map(({ kind }) => kind),
				places,
			);
			assert.equal(
				remarks.some(({ text }) => text === "Warning: 'log_dest dlt' has no effect: DLT is not supported."),
				values.includes("dlt"),
			);
		});
	}

	test("-q beats -v, which beats log_type", () => {
		const { global } = read("log_type error", "log_type none", "log_type notice");
		const types = (quiet: boolean, verbose: boolean) => logSettings(global, { quiet, verbose }).types;
		assert.deepEqual(types(false, false), ["notice"]);
		assert.deepEqual(types(false, true), LOG_TYPES);
		assert.deepEqual(types(true, false), []);
		assert.deepEqual(types(true, true), []);
	});

	test("log_timestamp_format: whatever stands in it, a line stays one line", () => {
		for (const [format, begins] of [
			["%H:%M:%S", "00:00:00: "],
			["%n%t", "\\x0a\\x09: "],
			["%", "%: "],
			["100%%", "100%: "],
			["%Q %Ey", "%Q 26: "],
			["no conversion", "no conversion: "],
		] as const) {
			const { global } = read(`log_timestamp_format ${format}`);
			const { host, log } = setUp(logSettings(global, { quiet: false, verbose: false }));
			log.write("error", "text");
			assert.equal(host.process.stderr.text, `${begins}text\n`, format);
		}
	});

	test("a full disk, a closed stream and a system log that is gone at once: what can be written is", () => {
		const { host, log } = setUp({
			destinations: [
				{ kind: "file", path: "/log" },
				{ kind: "stdout" },
				{ kind: "syslog" },
				{ kind: "stderr" },
			],
			timestamp: false,
		});
		host.files.failWith = "ENOSPC";
		host.process.stdout.failWith = "EPIPE";
		host.syslog.write = () => {
			throw fakeError("ECONNREFUSED");
		};
		log.write("error", "one");
		assert.equal(host.process.stderr.text, "one\n");
	});
});
