/** The OpenWrt packages: form, files, size, that they can be made again to the octet, and that what is in them serves. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
	existsSync,
	lstatSync,
	mkdirSync,
	readFileSync,
	readlinkSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { alternativesOf, extractIpk, readIpk } from "../../scripts/ipk.ts";
import { fpuInstructions, readElf, sectionOf } from "./elf.ts";
import { type BuiltProgram, run, startBroker, temporaryFolder } from "./harness.ts";
import { exchange } from "./mqtt-client.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const VERSION: string = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;

interface Limits {
	readonly name: string;
	readonly conflicts: string;
	readonly provides: string;
	/** The program before it is packed, with symbols. */
	readonly linked: string;
	/** Octets of the package, which a router downloads, and of the program, which it keeps. */
	readonly packed: number;
	readonly program: number;
}

const PACKAGES: readonly Limits[] = [
	{
		name: "mqttd",
		conflicts: "mqttd-nossl",
		provides: "mosquitto, mosquitto-client",
		linked: "dist/mips_24kc/mqttd.elf",
		packed: 710_000,
		program: 710_000,
	},
	{
		name: "mqttd-nossl",
		conflicts: "mqttd",
		provides: "mqttd, mosquitto, mosquitto-client",
		linked: "dist/mips_24kc-nossl/mqttd.elf",
		packed: 600_000,
		program: 600_000,
	},
];

function ipkOf(name: string): string {
	return join(ROOT, `dist/${name}_${VERSION}-1_mips_24kc.ipk`);
}

/** Unpacks the package as opkg does, but with the system's tar: a reader that is not ours. */
function unpack(context: TestContext, name: string): string {
	const folder = temporaryFolder(context);
	execFileSync("tar", ["-xzf", ipkOf(name), "-C", folder]);
	for (const part of ["data", "control"]) {
		mkdirSync(join(folder, part));
		execFileSync("tar", ["-xzf", join(folder, `${part}.tar.gz`), "-C", join(folder, part)]);
	}
	mkdirSync(join(folder, "data/usr/bin"), { recursive: true });
	for (const { path, target } of alternativesOf(readFileSync(join(folder, "control/control"), "utf8")))
		symlinkSync(join(folder, "data", target), join(folder, "data", path));
	return folder;
}

/** A program of the unpacked package, under qemu's model of the router's CPU. */
function packed(folder: string, path: string): BuiltProgram {
	return {
		name: "mips",
		artifact: relative(ROOT, join(folder, "data", path)),
		runner: ["qemu-mips-static", "-cpu", "24Kc"],
	};
}

for (const limits of PACKAGES) {
	const { name, conflicts, provides } = limits;

	test(`${name}: the package has opkg's form, and everything belongs to root`, () => {
		const list = (args: string[], input?: Buffer): string[] =>
			execFileSync("tar", ["-tvz", "--numeric-owner", ...args], { input, encoding: "utf8" })
				.trimEnd()
				.split("\n")
				.map((line) => line.replace(/ +/g, " "));
		const inner = (part: string): Buffer => execFileSync("tar", ["-xzOf", ipkOf(name), `./${part}`]);
		const outer = list(["-f", ipkOf(name)]);
		assert.deepEqual(
			outer.map((line) => line.split(" ").at(-1)),
			["./debian-binary", "./data.tar.gz", "./control.tar.gz"],
		);
		assert.equal(inner("debian-binary").toString(), "2.0\n");
		const data = list([], inner("data.tar.gz"));
		const control = list([], inner("control.tar.gz"));
		for (const line of [...outer, ...data, ...control]) assert.equal(line.split(" ")[1], "0/0", line);
		assert.deepEqual(
			data.map((line) => [line.split(" ")[0], line.split(" ").slice(5).join(" ")]),
			[
				["drwxr-xr-x", "./"],
				["drwxr-xr-x", "./etc/"],
				["drwxr-xr-x", "./etc/capabilities/"],
				["-rw-r--r--", "./etc/capabilities/mqttd.json"],
				["drwxr-xr-x", "./etc/config/"],
				["-rw-------", "./etc/config/mqttd"],
				["drwxr-xr-x", "./etc/init.d/"],
				["-rwxr-xr-x", "./etc/init.d/mqttd"],
				["drwxr-xr-x", "./etc/mqttd/"],
				["-rw-r--r--", "./etc/mqttd/mqttd.conf"],
				["drwxr-xr-x", "./etc/uci-defaults/"],
				["-rw-r--r--", "./etc/uci-defaults/mqttd"],
				["drwxr-xr-x", "./lib/"],
				["drwxr-xr-x", "./lib/upgrade/"],
				["drwxr-xr-x", "./lib/upgrade/keep.d/"],
				["-rw-r--r--", `./lib/upgrade/keep.d/${name}`],
				["drwxr-xr-x", "./usr/"],
				["drwxr-xr-x", "./usr/sbin/"],
				["-rwxr-xr-x", "./usr/sbin/mqttd"],
				["drwxr-xr-x", "./usr/share/"],
				["drwxr-xr-x", "./usr/share/acl.d/"],
				["-rw-r--r--", "./usr/share/acl.d/mqttd.json"],
			],
		);
	});

	test(`${name}: control says what opkg needs to know`, (context) => {
		const folder = unpack(context, name);
		const fields = new Map<string, string>();
		for (const line of readFileSync(join(folder, "control/control"), "utf8").trimEnd().split("\n")) {
			const match = line.match(/^([A-Z][A-Za-z-]*): (.+)$/);
			if (match?.[1] !== undefined) fields.set(match[1], match[2] ?? "");
			else assert.match(line, /^ \S/, "a continuation of the description");
		}
		const size = [
			"usr/sbin/mqttd",
			"usr/share/acl.d/mqttd.json",
			"etc/capabilities/mqttd.json",
			"etc/init.d/mqttd",
			"etc/config/mqttd",
			"etc/mqttd/mqttd.conf",
			"etc/uci-defaults/mqttd",
			`lib/upgrade/keep.d/${name}`,
		]
			.map((path) => lstatSync(join(folder, "data", path)).size)
			.reduce((total, next) => total + next);
		assert.equal(fields.get("Package"), name);
		assert.equal(fields.get("Version"), `${VERSION}-1`);
		assert.equal(fields.get("Architecture"), "mips_24kc");
		assert.equal(fields.get("Depends"), "libc");
		assert.equal(fields.get("Provides"), provides);
		assert.equal(fields.get("Conflicts")?.split(", ").at(-1), conflicts);
		assert.equal(
			fields.get("Alternatives"),
			[
				"sbin/mosquitto",
				"bin/mosquitto_ctrl",
				"bin/mosquitto_passwd",
				"bin/mosquitto_pub",
				"bin/mosquitto_sub",
			]
				.map((path) => `300:/usr/${path}:/usr/sbin/mqttd`)
				.join(", "),
		);
		assert.equal(fields.get("Section"), "net");
		assert.equal(
			fields.get("License"),
			name === "mqttd" ? "MIT AND (Apache-2.0 OR GPL-2.0-or-later) AND blessing" : "MIT AND blessing",
		);
		assert.equal(fields.get("Installed-Size"), String(size));
		assert.match(fields.get("Description") ?? "", /MQTT broker/);
		assert.match(fields.get("Require-User") ?? "", /^mqttd=\d+:mqttd=\d+$/);

		const conffiles = readFileSync(join(folder, "control/conffiles"), "utf8").trimEnd().split("\n");
		assert.deepEqual(conffiles, ["/etc/config/mqttd", "/etc/mqttd/mqttd.conf"]);
		for (const path of conffiles) assert.ok(lstatSync(join(folder, "data", path)).isFile(), path);
		for (const script of ["postinst", "prerm"]) {
			const path = join(folder, "control", script);
			assert.equal(lstatSync(path).mode & 0o777, 0o755);
			execFileSync("busybox", ["ash", "-n", path]);
			assert.match(readFileSync(path, "utf8"), new RegExp(`default_${script} "\\$0" "\\$@"`));
		}
	});

	test(`${name}: its scripts hand over to OpenWrt's functions, and do nothing where there are none`, (context) => {
		const folder = unpack(context, name);
		const root = temporaryFolder(context);
		const call = (script: string): string =>
			execFileSync("busybox", ["ash", "-e", join(folder, "control", script), "configure"], {
				encoding: "utf8",
				env: { PATH: process.env.PATH, IPKG_INSTROOT: root },
			});
		assert.equal(call("postinst") + call("prerm"), "");
		mkdirSync(join(root, "lib"));
		const functions = 'default_postinst() { echo "post $2"; }\ndefault_prerm() { echo "pre $2"; }\n';
		execFileSync("tee", [join(root, "lib/functions.sh")], { input: functions });
		assert.equal(call("postinst") + call("prerm"), "post configure\npre configure\n");
	});

	test(`${name}: the same inputs give the same octets`, (context) => {
		const built = readFileSync(ipkOf(name));
		for (const [umask, zone] of [
			["022", "UTC"],
			["077", "Asia/Tokyo"],
		]) {
			const out = temporaryFolder(context);
			execFileSync(
				"sh",
				["-c", `umask ${umask}; exec "$0" "$@"`, process.execPath, "scripts/ipk.ts", "--out", out, name],
				{
					cwd: ROOT,
					env: { PATH: process.env.PATH, TZ: zone },
				},
			);
			assert.ok(
				readFileSync(join(out, `${name}_${VERSION}-1_mips_24kc.ipk`)).equals(built),
				`umask ${umask}, ${zone}`,
			);
		}
	});

	test(`${name}: after it is installed, ubusd reads the rights on it again`, (context) => {
		const folder = unpack(context, name);
		const script = join(folder, "control/postinst-pkg");
		execFileSync("busybox", ["ash", "-n", script]);
		const asked = join(folder, "asked");
		writeFileSync(join(folder, "killall"), `#!/bin/sh\necho "$*" >>${asked}\n`, { mode: 0o755 });
		const call = (root: string) =>
			execFileSync("busybox", ["ash", "-c", `. ${script}`], {
				env: { PATH: `${folder}:${process.env.PATH}`, IPKG_INSTROOT: root },
			});
		// Not into an image that is being made.
		call("/image");
		assert.ok(!existsSync(asked));
		call("");
		assert.equal(readFileSync(asked, "utf8"), "-HUP ubusd\n");
	});

	test(`${name}: our own reader sees what tar sees`, (context) => {
		const folder = unpack(context, name);
		const ours = join(temporaryFolder(context), "root");
		const bytes = readFileSync(ipkOf(name));
		extractIpk(bytes, ours);
		for (const path of ["usr/bin/mosquitto_pub", "usr/sbin/mosquitto"])
			assert.ok(readFileSync(join(ours, path)).equals(readFileSync(join(ours, "usr/sbin/mqttd"))));
		for (const entry of readIpk(bytes).data) {
			const [mine, theirs] = [join(ours, entry.path), join(folder, "data", entry.path)];
			assert.equal(lstatSync(mine).mode, lstatSync(theirs).mode, entry.path);
			if (entry.link !== undefined) assert.equal(readlinkSync(mine), readlinkSync(theirs));
			else if (entry.content !== undefined)
				assert.ok(readFileSync(mine).equals(readFileSync(theirs)), entry.path);
		}
	});

	test(`${name}: the binary is for a router without floating-point unit, static, stripped and small`, (context) => {
		const file = readFileSync(join(unpack(context, name), "data/usr/sbin/mqttd"));
		const packed = readElf(file);
		const elf = readElf(readFileSync(join(ROOT, limits.linked)));
		for (const { machine, flags, segments } of [packed, elf]) {
			assert.equal(machine, 8);
			// EF_MIPS_ARCH_32R2
			assert.equal(flags >>> 28, 7);
			assert.ok(!segments.includes(2) && !segments.includes(3), "statically linked");
		}
		assert.deepEqual(packed.sections, [], "stripped");
		// The seventh field of the ABI flags is the floating-point ABI: 3 is soft-float.
		const flags = sectionOf(elf, ".MIPS.abiflags");
		assert.equal(flags.readUInt8(7), 3);
		assert.ok(file.includes(flags), "the kernel reads them in the file");
		// MIPS16 code, which has no such instructions, is in a section of its own.
		assert.deepEqual(fpuInstructions(sectionOf(elf, ".text")), []);
		assert.ok(sectionOf(elf, ".mips16").length > 25_000, "what need not be fast is MIPS16");
		assert.ok(sectionOf(elf, ".storage").length > 200_000, "storage is unpacked when it is needed");
		assert.ok(file.length <= limits.program, `${file.length} octets`);
		const size = lstatSync(ipkOf(name)).size;
		assert.ok(size <= limits.packed, `${size} octets in the package`);
		assert.ok(!file.includes(ROOT), "no path of the build");
	});

	test(`${name}: the broker in it serves, and its links are the clients`, async (context) => {
		const folder = unpack(context, name);
		const broker = await startBroker(context, packed(folder, "usr/sbin/mqttd"));
		assert.equal(await exchange(broker.port, "over the air"), "over the air");

		const address = ["-h", "127.0.0.1", "-p", String(broker.port), "-t", "room/light"];
		const published = await run(packed(folder, "usr/bin/mosquitto_pub"), [
			...address,
			"-m",
			"on",
			"-q",
			"1",
			"-r",
		]);
		assert.deepEqual([published.code, published.stdout, published.stderr], [0, "", ""]);
		const received = await run(packed(folder, "usr/bin/mosquitto_sub"), [...address, "-C", "1", "-v"]);
		assert.deepEqual([received.code, received.stdout, received.stderr], [0, "room/light on\n", ""]);
		await broker.stop();
	});
}

test("the check for floating-point instructions finds one", () => {
	// addiu sp,sp,-16; lwc1 $f0,0(sp); add.d $f0,$f0,$f2
	assert.deepEqual(fpuInstructions(Buffer.from("27bdfff0c7a0000046220000", "hex")), [4, 8]);
});

test("as mosquitto it says mosquitto, and takes the configuration files of the package", async (context) => {
	const folder = unpack(context, "mqttd");
	const help = await run(packed(folder, "usr/sbin/mosquitto"), ["-h"]);
	assert.equal(help.code, 0);
	assert.match(help.stdout, /^mosquitto version /);
	assert.match(help.stdout, /^Usage: mosquitto /m);
	const conf = join(folder, "data/etc/mqttd/mqttd.conf");
	const checked = await run(packed(folder, "usr/sbin/mqttd"), ["-c", conf, "--test-config"]);
	assert.equal(checked.code, 0, checked.stderr);
});
