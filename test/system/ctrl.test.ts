/**
 * mosquitto_ctrl beside Debian's: each makes the other broker's first configuration, then both are given the same commands,
 * ours for mosquitto and Debian's for us. They print the same and end the same.
 */

import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { builtPrograms, commandOf, type Ended, Running, startBroker, temporaryFolder } from "./harness.ts";
import { debianProgram, dynsecPlugin, startMosquitto } from "./mosquitto.ts";

/** In this order; each is carried out or refused, by the broker or by the program itself. */
const COMMANDS = `
getDefaultACLAccess; setDefaultACLAccess nothing allow; createRole r1; createRole r1; createRole r2
addRoleACL r1 publishClientSend a/# allow 5; addRoleACL r1 subscribeLiteral a/b deny; addRoleACL r1 publishClientSend a/# deny
addRoleACL r1 wrong b/# allow; addRoleACL none subscribePattern b/# allow; getRole r1; GETROLE r1; getRole none
removeRoleACL r1 subscribeLiteral a/b; removeRoleACL r1 subscribeLiteral a/b; listRoles; listRoles 1; listRoles 1 1
createGroup g1; createGroup g1; createGroup g2; addGroupRole g1 r1 3; addGroupRole g1 r2; addGroupRole g1 r2; addGroupRole g1 no
createClient ann -p pw; createClient ann -p pw; createClient bob -p pw -c bob1; addGroupClient g1 ann 4; addGroupClient g1 bob
addGroupClient g1 none; getGroup g1; getGroup none; addClientRole ann r2 7; addClientRole ann r1; addClientRole ann r1
getClient ann; getClient bob; getClient none; setClientId ann ann1; getClient ann; setClientId ann; setClientPassword ann new
setClientPassword none new; disableClient ann; getClient ann; enableClient ann; enableClient none; getClient ann
listClients; listClients 2; listClients 1 1; listGroups; listGroups 1 1; setAnonymousGroup g2; setAnonymousGroup none
getAnonymousGroup; removeClientRole ann r1; removeClientRole ann none; removeGroupClient g1 bob; removeGroupRole g1 r2
removeGroupRole g1 none; getGroup g1; deleteClient bob; deleteClient bob; deleteGroup g1; deleteGroup g1; createRole r3
deleteRole r3; deleteRole r3; getClient; getClient a b; addRoleACL r1; nothing; createClient; setClientPassword
`
	.split(/[;\n]/)
	.map((line) => line.trim())
	.filter((line) => line !== "");

/** Without the warning, which each has in its own words and when it sees fit, and what 2.1 writes in another way than 2.0. */
function comparable({ code, stdout, stderr }: Ended): object {
	const printed = stdout.replaceAll(/^(\w+:) +|^ +/gm, "$1 ").replace(/^Connections:\n/m, "");
	return { code, printed, said: stderr.replace(/^Warning: .*passwords.*\n\n/ms, "").replace(/\.\n$/, "\n") };
}

test("mosquitto_ctrl does as Debian's", async (context) => {
	const program = builtPrograms().find(({ name }) => name === "x86_64") ?? builtPrograms()[0]!;
	const folder = temporaryFolder(context);
	const [ours, theirs] = [join(folder, "ours"), join(folder, "theirs")];
	const own = (...args: string[]) => new Running(commandOf(program, ["ctrl", ...args])).ended;
	const debian = (...args: string[]) => new Running([debianProgram("bin/mosquitto_ctrl"), args]).ended;
	for (const [init, file] of [
		[own, theirs],
		[debian, ours],
	] as const) {
		const { code, stdout } = await init("dynsec", "init", file, "admin", "secret");
		assert.equal(code, 0);
		assert.match(stdout, /^The client 'admin' has been created in the file '/);
		chmodSync(file, 0o644);
	}
	const socket = join(folder, "own-socket");
	const lines = [`listener 0 ${socket}`, "user root", "plugin mosquitto_dynamic_security.so"];
	const broker = await startBroker(context, program, {
		config: [...lines, `plugin_opt_config_file ${ours}`, ""].join("\n"),
	});
	const plugin = [`plugin ${dynsecPlugin()}`, `plugin_opt_config_file ${theirs}`];
	const mosquitto = await startMosquitto(context, folder, plugin);

	for (const command of COMMANDS) {
		const args = (path: string) => [
			"--unix",
			path,
			"-u",
			"admin",
			"-P",
			"secret",
			"dynsec",
			...command.split(" "),
		];
		const [expected, found] = await Promise.all([debian(...args(socket)), own(...args(mosquitto.path))]);
		assert.deepEqual(comparable(found), comparable(expected), command);
	}
	await mosquitto.stop();
	await broker.stop();
});
