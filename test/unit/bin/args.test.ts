/** The broker's arguments. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ArgumentError, parseArguments, usage } from "../../../src/bin/args.ts";

function errorOf(...words: string[]): ArgumentError {
	try {
		parseArguments(words);
	} catch (error) {
		assert.ok(error instanceof ArgumentError);
		return error;
	}
	return assert.fail("accepted");
}

describe("arguments", () => {
	test("none", () => {
		assert.deepEqual(parseArguments([]), {
			configFiles: [],
			uci: null,
			ports: [],
			daemon: false,
			quiet: false,
			verbose: false,
			testConfig: false,
			hashPasswords: false,
			pidFile: null,
			print: null,
		});
	});

	test("all, short and long", () => {
		const expected = {
			configFiles: ["a", "b"],
			uci: null,
			ports: [1, 65535, "auto"],
			daemon: true,
			quiet: true,
			verbose: true,
			testConfig: true,
			hashPasswords: false,
			pidFile: "-d",
			print: null,
		};
		const rest = ["--test-config", "--pid-file", "-d"];
		const short = "-c a -c b -p 1 -p 65535 -p auto -d -q -v".split(" ");
		assert.deepEqual(parseArguments([...short, ...rest]), expected);
		const long =
			"--config-file a --config-file b --port 1 --port 65535 --port auto --daemon --quiet --verbose".split(
				" ",
			);
		assert.deepEqual(parseArguments([...long, ...rest]), expected);
	});

	test("--uci", () => {
		assert.equal(parseArguments(["--uci", "mqttd"]).uci, "mqttd");
	});

	test("help and version end the reading: what follows is not judged", () => {
		assert.equal(parseArguments(["-h", "-x"]).print, "help");
		assert.equal(parseArguments(["--version", "-h"]).print, "version");
	});

	test("errors", () => {
		for (const port of ["0", "65536", "-1", "", "1.5", "0x10", "12345678901", "auto "]) {
			assert.equal(errorOf("-p", port).message, `Error: Invalid port specified (${port}).`);
		}
		for (const [option, what] of [
			["-c", "config file"],
			["-p", "port"],
			["--uci", "UCI file"],
			["--pid-file", "file"],
			["--tls-keylog", "file"],
		] as const) {
			assert.equal(errorOf(option).message, `Error: ${option} argument given, but no ${what} specified.`);
		}
		assert.deepEqual([errorOf("pub").message, errorOf("pub").usage], ["Error: Unknown option 'pub'.", true]);
		assert.match(errorOf("--tls-keylog", "f").message, /^Error: --tls-keylog is not available/);
		assert.equal(errorOf("--uci", "").message, "Error: --uci needs a name.");
		assert.equal(
			errorOf("--uci", "x", "-c", "y").message,
			"Error: Options are read from --uci or from -c, not both.",
		);
		const many = Array.from({ length: 101 }, () => ["-p", "auto"]).flat();
		assert.equal(errorOf(...many).message, "Error: Only 100 ports can be specified on the command line.");
	});

	test("usage names the program as it was called, in mosquitto's form", () => {
		const lines = usage("mosquitto", "2.1.2").split("\n");
		assert.equal(lines[0], "mosquitto version 2.1.2");
		assert.ok(lines.includes("Usage: mosquitto [-c config_file] [-d] [-h] [-p port] [-v]"));
	});
});
