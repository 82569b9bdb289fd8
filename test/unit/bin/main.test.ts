/** Which program is meant, and what happens when one breaks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseProgram, main } from "../../../src/bin/main.ts";
import { createFakeHost, FakeExit } from "../../fake/host.ts";

function chosen(...argv: string[]): readonly [string, ...string[]] | null {
	const found = chooseProgram(argv);
	return found === null ? null : [found.name, ...found.args];
}

test("programs go by the name that was called", () => {
	assert.deepEqual(chosen("mqttd", "-v"), ["mqttd", "-v"]);
	assert.deepEqual(chosen("mosquitto", "-v"), ["mosquitto", "-v"]);
	assert.deepEqual(chosen("mosquitto_pub", "-t", "a"), ["mosquitto_pub", "-t", "a"]);
	assert.deepEqual(chosen("mosquitto_sub"), ["mosquitto_sub"]);
	assert.deepEqual(chosen("mosquitto_passwd", "-c"), ["mosquitto_passwd", "-c"]);
	assert.deepEqual(chosen("mosquitto_ctrl", "dynsec"), ["mosquitto_ctrl", "dynsec"]);
});

test("or by the first argument after mqttd", () => {
	assert.deepEqual(chosen("mqttd", "pub", "-t", "a"), ["mosquitto_pub", "-t", "a"]);
	assert.deepEqual(chosen("mqttd", "sub"), ["mosquitto_sub"]);
	assert.deepEqual(chosen("mqttd", "-v", "pub"), ["mqttd", "-v", "pub"]);
	assert.deepEqual(chosen("mosquitto", "pub"), ["mosquitto", "pub"]);
	assert.deepEqual(chosen("mqttd", "constructor"), ["mqttd", "constructor"]);
});

test("a renamed program is the broker, but one of mosquitto's other programs is not", () => {
	assert.deepEqual(chosen("mqttd-linux-x64", "-v"), ["mqttd", "-v"]);
	assert.deepEqual(chosen("node", "sub"), ["mosquitto_sub"]);
	assert.deepEqual(chosen("toString"), ["mqttd"]);
	assert.equal(chosen("mosquitto_rr", "-c"), null);
	const host = createFakeHost(["mosquitto_rr"]);
	assert.throws(() => main(host), FakeExit);
	assert.equal(host.process.exitCode, 1);
	assert.equal(host.process.stderr.text, "Error: mosquitto_rr is not part of this version.\n");
});

test("an unforeseen exception is logged with its stack, and ends with 70", async () => {
	const host = createFakeHost(["mqttd", "-p", "auto"]);
	main(host);
	while (!host.process.stderr.text.includes(" running\n")) await Promise.resolve();
	host.process.stderr.text = "";
	assert.throws(() => host.process.uncaught(new RangeError("boom")), FakeExit);
	assert.equal(host.process.exitCode, 70);
	const lines = host.process.stderr.text.trimEnd().split("\n");
	assert.match(lines[0] ?? "", /^[0-9]+: Error: Unexpected error, please report it:$/);
	assert.match(lines[1] ?? "", /^[0-9]+: RangeError: boom$/);
	assert.match(lines[2] ?? "", /^[0-9]+: \s+at .*main\.test\.ts/);
});

test("an unforeseen exception goes where the log goes", async () => {
	const host = createFakeHost(["mqttd", "-c", "/mqttd.conf"]);
	host.files.put("/mqttd.conf", "listener auto\nlog_dest file /mqttd.log\nlog_timestamp false\n");
	main(host);
	const log = () => new TextDecoder().decode(host.files.read("/mqttd.log", 100_000));
	while (host.files.info("/mqttd.log") === null || !log().includes(" running\n")) await Promise.resolve();
	host.process.stderr.text = "";
	assert.throws(() => host.process.uncaught("no error object"), FakeExit);
	assert.equal(host.process.exitCode, 70);
	assert.match(log(), /\nError: Unexpected error, please report it:\nno error object\n$/);
	assert.equal(host.process.stderr.text, "");
});

test("an unforeseen exception is told even when the log wants no errors", async () => {
	const host = createFakeHost(["mqttd", "-q", "-p", "auto"]);
	main(host);
	for (let turns = 0; turns < 100; turns++) await Promise.resolve();
	assert.throws(() => host.process.uncaught("boom"), FakeExit);
	assert.equal(host.process.stderr.text, "Error: Unexpected error, please report it:\nboom\n");
});
