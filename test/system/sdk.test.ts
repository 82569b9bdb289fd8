/**
 * OpenWrt's recipe in a stand-in for its SDK (test/sdk): it builds from the tarball of `make dist`, for big-endian MIPS, where there
 * are only the tools that an SDK has. The packages have what our own have, and what was built passes the feed's tests.
 */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
	cpSync,
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { alternativesOf, readIpk } from "../../scripts/ipk.ts";
import { makeCertificates } from "../certificates.ts";
import { Router } from "../router/router.ts";
import { readElf } from "./elf.ts";
import { type BuiltProgram, run, startBroker, temporaryFolder } from "./harness.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const VERSION: string = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;
const NAMES = ["mqttd", "mqttd-nossl"];
const GNU = "mips-linux-gnu";
/** The C library's folder: Debian's, as there is none of OpenWrt. */
const C_LIBRARY = `/usr/${GNU}/lib`;

/** What an SDK has of tools, as far as the recipe wants them: no Node is among them, and nothing that only our own builds use. */
const TOOLS = [
	"sh make gcc as ld cmake awk xz od sed tar install head tail wc cat mv rm mkdir cp find ln touch chmod test printf sha256sum ccache",
	["gcc", "strip", "ld", "as", "ar", "ranlib"].map((tool) => `${GNU}-${tool}`).join(" "),
]
	.join(" ")
	.split(" ");

const CACHE =
	process.env.MQTTD_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "mqttd");

/** Lays out an SDK; returns the folder of its tools and that of the target's libraries. */
function layOut(sdk: string): { tools: string; target: string } {
	cpSync(join(ROOT, "test/sdk"), sdk, { recursive: true });
	writeFileSync(
		join(sdk, "target.mk"),
		`ARCH_PACKAGES:=mips_24kc\nTARGET_CROSS:=${GNU}-\nTARGET_CFLAGS:=-Os -pipe -march=mips32r2\nCONFIG_BIG_ENDIAN:=y\n`,
	);
	const tools = join(sdk, "staging_dir/host/bin");
	mkdirSync(tools, { recursive: true });
	for (const tool of TOOLS) {
		const path = execFileSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).trim();
		symlinkSync(path.startsWith("/") ? path : `/usr/bin/${tool}`, join(tools, tool));
	}
	const target = execFileSync(join(ROOT, "test/sdk/libraries.sh"), {
		encoding: "utf8",
	}).trim();
	symlinkSync(target, join(sdk, "staging_dir/target"));
	mkdirSync(join(sdk, "toolchain"));
	symlinkSync(`/usr/${GNU}`, join(sdk, "toolchain/usr"));
	return { tools, target };
}

/** All files of a folder, with their permissions. */
function filesOf(folder: string): Map<string, number> {
	const files = readdirSync(folder, { withFileTypes: true, recursive: true })
		.filter((entry) => !entry.isDirectory())
		.map((entry) => join(entry.parentPath, entry.name))
		.map((path) => [`./${relative(folder, path)}`, lstatSync(path).mode & 0o777] as const);
	return new Map(files.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function fieldsOf(text: string, separator: string): Map<string, string> {
	return new Map(
		text.split("\n").flatMap((line) => {
			const at = line.indexOf(separator);
			return at <= 0 || line.startsWith(" ") ? [] : [[line.slice(0, at), line.slice(at + separator.length)]];
		}),
	);
}

/** What a program is linked with, in its own words. */
function librariesOf(file: string): string[] {
	const lines = execFileSync("readelf", ["-d", file], { encoding: "utf8" });
	return [...lines.matchAll(/\(NEEDED\).*\[(.+)\.so[.0-9]*\]/g)].map(([, name]) => name ?? "").sort();
}

test("the recipe has the tarball's hash", () => {
	const recipe = readFileSync(join(ROOT, "dist/openwrt/mqttd/Makefile"), "utf8");
	const tarball = readFileSync(join(ROOT, `dist/mqttd-${VERSION}.tar.xz`));
	assert.equal(/^PKG_HASH:=(.*)$/m.exec(recipe)?.[1], createHash("sha256").update(tarball).digest("hex"));
});

test("the recipe builds in an SDK, from the tarball, without Node; what it builds serves", async (context) => {
	const sdk = temporaryFolder(context);
	const { tools, target } = layOut(sdk);
	const child = spawn("make", ["-C", join(ROOT, "dist/openwrt/mqttd"), "-j2", `TOPDIR=${sdk}`, "compile"], {
		env: { PATH: tools, CCACHE_DIR: join(CACHE, "ccache"), CCACHE_BASEDIR: sdk, CCACHE_NOHASHDIR: "1" },
	});
	let said = "";
	for (const stream of [child.stdout, child.stderr]) {
		stream.on("data", (text: Buffer) => {
			said += text.toString();
		});
	}
	const [code] = (await once(child, "close")) as [number];
	assert.equal(code, 0, said.slice(-4000));

	for (const name of NAMES) {
		const packed = join(sdk, "bin", name);
		const own = readIpk(readFileSync(join(ROOT, `dist/${name}_${VERSION}-1_mips_24kc.ipk`)));
		const expected = own.data.filter(({ path }) => !path.endsWith("/"));
		assert.deepEqual(filesOf(packed), new Map(expected.map(({ path, mode }) => [path, mode])));
		for (const { path, content } of expected) {
			if (path === "./usr/sbin/mqttd") continue;
			assert.equal(readFileSync(join(packed, path), "utf8"), Buffer.from(content ?? []).toString(), path);
		}

		// For opkg: as in our own package, but for what a program with libraries depends on.
		const text = (path: string) =>
			Buffer.from(own.control.find((entry) => entry.path === path)?.content ?? []).toString();
		const ours = fieldsOf(text("./control"), ": ");
		const theirs = fieldsOf(readFileSync(join(sdk, `bin/${name}.control`), "utf8"), ": ");
		const tls = name === "mqttd" ? ["libmbedtls"] : [];
		assert.equal(theirs.get("Depends"), ["libc", "libuv", "libsqlite3", ...tls].join(", "));
		for (const field of ["Provides", "Conflicts", "Alternatives", "Require-User", "Description"])
			assert.equal(theirs.get(field), ours.get(field), field);
		assert.equal(theirs.get("License"), "MIT");
		assert.equal(
			readFileSync(join(sdk, `bin/${name}.postinst-pkg`), "utf8").trim(),
			text("./postinst-pkg").trim(),
		);

		// For apk: a version of its form, and names that others may provide, too.
		const apk = fieldsOf(readFileSync(join(sdk, `bin/${name}.apk`), "utf8"), ":");
		assert.match(apk.get("name") ?? "", /^[a-z0-9][a-z0-9+._-]*$/);
		assert.match(
			apk.get("version") ?? "",
			/^[0-9]+(\.[0-9]+)*[a-z]?(_(alpha|beta|pre|rc|p)[0-9]*)*-r[0-9]+$/,
		);
		const provides = ["mosquitto", "mosquitto-client"];
		assert.deepEqual(apk.get("provides")?.split(" "), name === "mqttd" ? provides : ["mqttd", ...provides]);

		const program = join(packed, "usr/sbin/mqttd");
		const file = readFileSync(program);
		const elf = readElf(file);
		assert.equal(elf.machine, 8);
		assert.ok(!elf.sections.some((section) => section.name === ".symtab"), "stripped");
		assert.ok(!file.includes(sdk) && !file.includes(ROOT), "no path of the build");
		const secure = name === "mqttd" ? ["libmbedcrypto", "libmbedtls", "libmbedx509"] : [];
		assert.deepEqual(librariesOf(program), ["libc", "libm", "libsqlite3", "libuv", ...secure].sort());
	}

	await context.test("the feed's tests", async (inner) => {
		const router = await Router.boot(inner);
		mkdirSync(router.path("lib"), { recursive: true });
		for (const file of ["ld.so.1", "libc.so.6", "libm.so.6"])
			cpSync(join(C_LIBRARY, file), router.path(`lib/${file}`), { dereference: true });
		for (const file of readdirSync(join(target, "usr/lib")).filter((each) => /\.so\.\d+$/.test(each)))
			cpSync(join(target, "usr/lib", file), router.path(`lib/${file}`));
		for (const name of NAMES) {
			cpSync(join(sdk, "bin", name), router.root, { recursive: true });
			for (const { path, target: to } of alternativesOf(
				readFileSync(join(sdk, `bin/${name}.control`), "utf8"),
			)) {
				mkdirSync(dirname(router.path(path)), { recursive: true });
				if (!existsSync(router.path(path))) symlinkSync(relative(dirname(path), to), router.path(path));
			}
			for (const script of ["test.sh", "test-version.sh"]) {
				router.write(`tmp/${script}`, readFileSync(join(ROOT, "openwrt/mqttd", script), "utf8"), 0o755);
				// Debian's compiler makes instructions for floating-point numbers.
				await router.shell(`/tmp/${script} ${name} ${VERSION}`, { QEMU_CPU: "24Kf" });
			}
		}
		await router.halt();
	});

	await context.test("TLS with the library of the system", async (inner) => {
		const root = temporaryFolder(inner);
		mkdirSync(join(root, "usr"));
		symlinkSync(C_LIBRARY, join(root, "lib"));
		symlinkSync(join(target, "usr/lib"), join(root, "usr/lib"));
		const program: BuiltProgram = {
			name: "mips",
			artifact: relative(ROOT, join(sdk, "bin/mqttd/usr/sbin/mqttd")),
			runner: ["qemu-mips-static", "-cpu", "24Kf", "-L", root],
		};
		makeCertificates(root);
		const files = `certfile ${join(root, "server.pem")}\nkeyfile ${join(root, "server.key")}\n`;
		const broker = await startBroker(inner, program, {
			config: `user root\nallow_anonymous true\nlistener auto 127.0.0.1\n${files}`,
		});
		const to = [
			"-h",
			"localhost",
			"-p",
			String(broker.port),
			"--cafile",
			join(root, "ca.pem"),
			"-t",
			"room/light",
		];
		const published = await run(program, ["pub", ...to, "-m", "on", "-q", "1", "-r"]);
		assert.deepEqual([published.code, published.stderr], [0, ""]);
		const received = await run(program, ["sub", ...to, "-C", "1", "-v"]);
		assert.deepEqual([received.code, received.stdout, received.stderr], [0, "room/light on\n", ""]);
		await broker.stop();
	});
});
