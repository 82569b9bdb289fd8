/** Plugin lines: those of mosquitto's own plugins select what is built in, all others are refused. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BrokerConfig } from "../../../src/config/config.ts";
import { ConfigError } from "../../../src/config/error.ts";
import { BUILT_INS, findBuiltIn, PluginError } from "../../../src/config/plugins.ts";
import { readConfig } from "../../../src/config/read.ts";
import { createFakeHost } from "../../fake/host.ts";

const FILE = "/mosquitto.conf";
const SPARKPLUG = "/usr/lib/mosquitto_sparkplug_aware.so";

function read(...lines: string[]): BrokerConfig {
	const host = createFakeHost();
	host.files.put(FILE, lines.join("\n"));
	return readConfig(host, [FILE]);
}

function errorOf(...lines: string[]): ConfigError {
	try {
		read(...lines);
	} catch (error) {
		assert.ok(error instanceof ConfigError, String(error));
		return error;
	}
	return assert.fail("it was accepted");
}

/** Names of the plugins in use, and the ports of the listeners that they serve. */
function summary({ plugins }: BrokerConfig): unknown[] {
	return plugins.map(({ builtIn, listeners }) => [
		builtIn.name,
		listeners?.map(({ place }) => (place.kind === "tcp" ? place.port : place.path)) ?? "all",
	]);
}

describe("which plugin a path names", () => {
	test("the file's name decides, in any folder, with the ending of Unix or Windows", () => {
		for (const builtIn of BUILT_INS) {
			for (const path of [
				`${builtIn.name}.so`,
				`/usr/lib/x86_64-linux-gnu/${builtIn.name}.so`,
				`../plugins/x/${builtIn.name}.so`,
				`C:\\Program Files\\Mosquitto\\${builtIn.name}.dll`,
			]) {
				assert.equal(findBuiltIn(path), builtIn, path);
			}
		}
		assert.deepEqual(
			BUILT_INS.map(({ name }) => name),
			["acl_file", "dynamic_security", "password_file", "persist_sqlite", "sparkplug_aware"].map(
				(name) => `mosquitto_${name}`,
			),
		);
	});

	test("nothing else does", () => {
		for (const path of [
			"/usr/lib/mosquitto-go-auth.so",
			"/usr/lib/sparkplug_aware.so",
			"/usr/lib/mosquitto_sparkplug_aware",
			"/usr/lib/mosquitto_sparkplug_aware.so.1",
			"/usr/lib/xmosquitto_sparkplug_aware.so",
			"/usr/lib/mosquitto_sparkplug_aware.so/",
			"mosquitto_constructor.so",
			".so",
		]) {
			assert.equal(findBuiltIn(path), undefined, path);
		}
	});
});

describe("whom a plugin serves", () => {
	test("plugin, auth_plugin and global_plugin serve all listeners", () => {
		for (const name of ["plugin", "auth_plugin", "global_plugin"]) {
			const config = read("listener 1", `${name} ${SPARKPLUG}`, "listener 2");
			assert.deepEqual(summary(config), [["mosquitto_sparkplug_aware", "all"]]);
			assert.deepEqual(config.remarks, [{ type: "information", text: `Loading plugin: ${SPARKPLUG}` }]);
		}
	});

	test("with per_listener_settings, plugin serves the listener before it, and needs one; global_plugin serves all", () => {
		const lines = ["per_listener_settings true", "listener 1", `plugin ${SPARKPLUG}`, "listener 2"];
		assert.deepEqual(summary(read(...lines)), [["mosquitto_sparkplug_aware", [1]]]);
		assert.deepEqual(summary(read("per_listener_settings true", `global_plugin ${SPARKPLUG}`)), [
			["mosquitto_sparkplug_aware", "all"],
		]);
		assert.deepEqual(errorOf("per_listener_settings true", `plugin ${SPARKPLUG}`).lines, [
			"Error: The 'plugin' option requires a listener to be defined first.",
			`Error found at ${FILE}:2.`,
		]);
	});

	test("plugin_load and plugin_use: the listeners that use it", () => {
		const load = `plugin_load s ${SPARKPLUG}`;
		const config = read(load, "listener 1", "plugin_use s", "listener 2", "listener 3", "plugin_use s");
		assert.deepEqual(summary(config), [["mosquitto_sparkplug_aware", [1, 3]]]);
		assert.deepEqual(summary(read(load, "listener 1")), [["mosquitto_sparkplug_aware", []]]);
		const errors: [string[], string, number][] = [
			[["plugin_use s"], "The 'plugin_use' option requires a listener to be defined first.", 1],
			[["listener 1", "plugin_use s"], "Plugin 's' not previously loaded.", 2],
			[[load, load], "Plugin 's' already loaded.", 2],
			[["plugin_load"], "Empty 'plugin_load' value in configuration.", 1],
			[["plugin_load s"], "Empty 'plugin_load' value in configuration.", 1],
			[["listener 1", "plugin_use "], "Empty 'plugin_use' value in configuration.", 2],
		];
		for (const [lines, text, line] of errors) {
			const said = errorOf(...lines).lines.slice(0, 2);
			assert.deepEqual(said, [`Error: ${text}`, `Error found at ${FILE}:${line}.`]);
		}
	});
});

describe("options of a plugin", () => {
	const SQLITE = "/usr/lib/mosquitto_persist_sqlite.so";

	test("belong to the plugin before them, under their new and their old name; the last value counts", () => {
		const { plugins } = read(
			`plugin ${SQLITE}`,
			"plugin_opt_db_file /var/lib/with blanks/m.db ",
			"plugin_opt_Sync full",
			"auth_opt_flush_period 5",
			"plugin_opt_flush_period 0",
			`plugin ${SPARKPLUG}`,
		);
		assert.deepEqual(
			plugins.map(({ options }) => Object.fromEntries(options)),
			[{ db_file: "/var/lib/with blanks/m.db", sync: "full", flush_period: 0 }, {}],
		);
	});

	test("after plugin_use they belong to the plugin that is used", () => {
		const { plugins } = read(
			`plugin_load p ${SQLITE}`,
			`plugin ${SPARKPLUG}`,
			"listener 1",
			"plugin_use p",
			"plugin_opt_page_size 4096",
		);
		assert.deepEqual(Object.fromEntries(plugins[0]?.options ?? []), { page_size: 4096 });
	});

	test("an included file has no plugin before it", () => {
		const host = createFakeHost();
		host.files.put(FILE, `plugin ${SQLITE}\ninclude_dir /d\n`);
		host.files.put("/d/x.conf", "plugin_opt_db_file /m.db\n");
		assert.throws(() => readConfig(host, [FILE]), /requires plugin\/global_plugin\/plugin_load/);
	});

	test("one that the plugin does not have draws a warning, as mosquitto's plugins pass over it", () => {
		const { remarks } = read(`plugin ${SPARKPLUG}`, "plugin_opt_x 1", "plugin_opt_constructor 1");
		assert.deepEqual(remarks.slice(1), [
			{
				type: "warning",
				text: "Warning: The 'plugin_opt_x' option has no effect: mosquitto_sparkplug_aware has no such option.",
			},
			{
				type: "warning",
				text: "Warning: The 'plugin_opt_constructor' option has no effect: mosquitto_sparkplug_aware has no such option.",
			},
		]);
	});

	test("wrong values are refused where they stand", () => {
		const errors: [string, string][] = [
			["plugin_opt_ x", "Error: Invalid 'plugin_opt_' config option."],
			["auth_opt_ x", "Error: Invalid 'auth_opt_' config option."],
			["plugin_opt_sync", "Error: Empty 'sync' value in configuration."],
			["plugin_opt_sync sometimes", "Error: Invalid 'plugin_opt_sync' value (sometimes)."],
			["plugin_opt_flush_period -1", "Error: Invalid 'plugin_opt_flush_period' value (-1)."],
			["plugin_opt_page_size x", "Error: 'plugin_opt_page_size' value not a number."],
		];
		for (const [line, error] of errors) {
			assert.deepEqual(errorOf(`plugin ${SQLITE}`, "", line, "listener 1").lines, [
				error,
				`Error found at ${FILE}:3.`,
			]);
		}
	});
});

describe("what plugins stand for", () => {
	test("persist_sqlite asks for persistence", () => {
		const { remarks, global } = read("plugin /usr/lib/mosquitto_persist_sqlite.so");
		assert.deepEqual(
			remarks.map(({ text }) => text),
			["Loading plugin: /usr/lib/mosquitto_persist_sqlite.so"],
		);
		assert.ok(global.persistence);
	});

	test("password_file and acl_file are what the options of these names are", () => {
		for (const name of ["password_file", "acl_file"]) {
			const plugin = `plugin /usr/lib/mosquitto_${name}.so`;
			const { global } = read("listener 1", plugin, "# its file", `plugin_opt_${name} /etc/x`);
			assert.deepEqual(global, read(`${name} /etc/x`).global);
			assert.deepEqual(errorOf(plugin).lines, [
				`Error: The plugin mosquitto_${name} needs the option 'plugin_opt_${name}'.`,
				`Error found at ${FILE}:1.`,
			]);
		}
	});

	test("dynamic_security needs its file", () => {
		const plugin = "plugin mosquitto_dynamic_security.so";
		const { plugins } = read(plugin, "plugin_opt_config_file /d.json", "plugin_opt_password_init_file /p");
		assert.deepEqual(Object.fromEntries(plugins[0]?.options ?? []), {
			config_file: "/d.json",
			password_init_file: "/p",
		});
		assert.deepEqual(errorOf(plugin).lines, [
			"Error: The plugin mosquitto_dynamic_security needs the option 'plugin_opt_config_file'.",
			`Error found at ${FILE}:1.`,
		]);
	});

	test("any other plugin is refused, once the rest of the file is right", () => {
		const error = errorOf("listener 1", "plugin /usr/lib/mosquitto-go-auth.so", "auth_opt_x y");
		assert.ok(error instanceof PluginError);
		assert.deepEqual(error.lines, [
			'Error: Unable to load plugin "/usr/lib/mosquitto-go-auth.so".',
			`Error: Only plugins that come with mosquitto can be used, as they are built in: ${BUILT_INS.map(({ name }) => name).join(", ")}.`,
			`Error found at ${FILE}:2.`,
		]);
		assert.match(errorOf("plugin /x.so", "nonsense").lines[0] ?? "", /Unknown configuration variable/);
		assert.ok(errorOf("plugin_load x /x.so") instanceof PluginError);
	});
});
