/** Whom the broker runs as: options and environment, with what mosquitto says of them. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ProgramLog } from "../../../src/bin/log.ts";
import { dropPrivileges, umaskOf } from "../../../src/bin/privileges.ts";
import { StartError } from "../../../src/bin/start-error.ts";
import { createFakeHost, fakeError } from "../../fake/host.ts";

interface Case {
	readonly name: string;
	/** Of the program; 0 unless it is given. */
	readonly uid?: number;
	/** The option `user`; null unless it is given. */
	readonly user?: string;
	readonly users?: readonly string[];
	readonly environment?: Readonly<Record<string, string>>;
	/** Afterwards. */
	readonly ids: readonly [uid: number, gid: number];
	readonly lines: readonly string[];
	/** To whom the log file is given. */
	readonly owner?: string;
}

/** In /etc/passwd. */
const IDS: Readonly<Record<string, number>> = { root: 0, mosquitto: 100, nobody: 200, mqtt: 300 };
const ALL = ["mosquitto", "nobody", "mqtt"];
const AS_ROOT = "Warning: Mosquitto should not be run as root/administrator.";

const CASES: readonly Case[] = [
	{
		name: "mosquitto first",
		users: ALL,
		owner: "mosquitto",
		ids: [100, 0],
		lines: ["Info: running mosquitto as user: mosquitto."],
	},
	{
		name: "then nobody",
		users: ["nobody"],
		owner: "nobody",
		ids: [200, 0],
		lines: [
			"Warning: Unable to drop privileges to 'mosquitto' because this user does not exist. Trying 'nobody' instead.",
			"Info: running mosquitto as user: nobody.",
		],
	},
	{
		name: "a system without users",
		ids: [0, 0],
		lines: [
			"Warning: Unable to drop privileges to 'mosquitto' because this user does not exist. Trying 'nobody' instead.",
			"Info: running mosquitto as user: root.",
			AS_ROOT,
		],
	},
	{
		name: "who was asked for",
		user: "mqtt",
		users: ALL,
		owner: "mqtt",
		ids: [300, 0],
		lines: ["Info: running mosquitto as user: mqtt."],
	},
	{
		name: "root, if asked for",
		user: "root",
		users: ALL,
		ids: [0, 0],
		lines: ["Info: running mosquitto as user: root.", AS_ROOT],
	},
	{
		name: "a stranger",
		user: "stranger",
		users: ALL,
		ids: [0, 0],
		lines: ["Error: Unable to drop privileges to 'stranger' because this user does not exist."],
	},
	{
		name: "not root",
		uid: 1000,
		users: ALL,
		ids: [1000, 0],
		lines: ["Info: running mosquitto as user id: 1000."],
	},
	{
		name: "ids of a container",
		users: ALL,
		environment: { PUID: "1000", PGID: "300" },
		ids: [1000, 300],
		lines: ["Info: running mosquitto as user id: 1000."],
	},
	{
		name: "a group only",
		users: ALL,
		environment: { PGID: "300" },
		ids: [0, 300],
		lines: ["Info: running mosquitto as user: root.", AS_ROOT],
	},
	{
		name: "no id",
		users: ALL,
		environment: { PUID: "mqtt" },
		ids: [0, 0],
		lines: ["Error: PUID not a valid ID 'mqtt'"],
	},
	{
		name: "an id that is too high",
		users: ALL,
		environment: { PGID: "2147483648" },
		ids: [0, 0],
		lines: ["Error: PGID must not be more than 2147483647"],
	},
	{
		name: "within mosquitto's snap",
		users: ALL,
		environment: { SNAP_NAME: "mosquitto" },
		ids: [0, 0],
		lines: [],
	},
];

describe("privileges", () => {
	for (const { name, uid = 0, user = null, users = [], environment = {}, ids, lines, owner } of CASES) {
		test(name, () => {
			const host = createFakeHost();
			host.process.uid = uid;
			host.process.users.clear();
			for (const each of users) host.process.users.set(each, IDS[each]!);
			Object.assign(host.process.environment, environment);
			const passwd = Object.entries(IDS).map(([each, id]) => `${each}:x:${id}:${id}::/:/bin/false\n`);
			host.files.put("/etc/passwd", passwd.join(""));
			const setOwner = host.files.setOwner.bind(host.files);
			host.files.setOwner = (path, to, group) => {
				if (!users.includes(to)) throw fakeError("ENOENT");
				setOwner(path, to, group);
			};
			const log = new ProgramLog(host, "mosquitto");
			const said: string[] = [];
			try {
				host.files.put("/var/log/broker.log", "", 0o600);
				dropPrivileges(host, log, "mosquitto", user, ["/var/log/broker.log", "/dev/null"]);
			} catch (error) {
				if (!(error instanceof StartError)) throw error;
				said.push(...error.lines);
			}
			const logged = host.process.stderr.text.split("\n").slice(0, -1);
			assert.deepEqual([...logged.map((line) => line.replace(/^[0-9]+: /, "")), ...said], lines);
			assert.deepEqual([host.process.uid, host.process.gid], ids);
			const owners = [...host.files.owners];
			assert.deepEqual(owners, owner === undefined ? [] : [["/var/log/broker.log", owner]]);
		});
	}
});

describe("umask", () => {
	const of = (text?: string) => {
		const host = createFakeHost();
		if (text !== undefined) host.process.environment.UMASK_SET = text;
		return umaskOf(host);
	};

	test("is octal, or left alone", () => {
		assert.deepEqual([of(), of("077"), of("0"), of("777")], [null, 0o077, 0, 0o777]);
	});

	test("is refused when it is something else", () => {
		for (const text of ["", "8", "0x7", "rw"]) {
			assert.throws(() => of(text), {
				message: "Error: UMASK_SET environment variable not a valid octal number.",
			});
		}
		assert.throws(() => of("1000"), { message: "Error: UMASK_SET environment variable out of range." });
	});
});
