// The reader of OpenWrt recipes refuses what it does not understand, so that our package never differs in silence.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { block, installSteps, packageFields, parseRecipe, variable } from "../../../scripts/recipe.ts";

const RECIPE = parseRecipe(`
PKG_NAME:=thing
PKG_RELEASE:=3
SOURCE:=$(CURDIR)/files

define Package/thing
  SECTION:=net
  TITLE:=A thing
endef

define Package/thing/install
	$(INSTALL_DIR) $(1)/etc $(1)/usr/bin
	$(INSTALL_CONF) $(SOURCE)/thing.conf $(1)/etc/thing.conf
	$(INSTALL_BIN) ./thing $(1)/usr/bin/thing
	$(INSTALL_DATA) ./notes $(1)/etc/notes
	$(LN) thing $(1)/usr/bin/other
endef

define Package/common
  SECTION:=net
  TITLE:=Something
endef

define Package/small
  $(call Package/common)
  TITLE:=A small thing
endef

define Package/small/install
	$(INSTALL_DIR) $(1)/etc
	$(call Package/small/programs,$(1))
endef

define Package/small/programs
	$(LN) thing $(1)/usr/bin/small
endef

define Package/odd/install
	cp -r ./files $(1)/
endef

define Package/unset/install
	$(INSTALL_BIN) $(NOWHERE)/thing $(1)/usr/bin/thing
endef
`);

test("variables, fields and install steps", () => {
	assert.equal(variable(RECIPE, "PKG_RELEASE"), "3");
	assert.deepEqual(
		[...packageFields(RECIPE, "thing")],
		[
			["SECTION", "net"],
			["TITLE", "A thing"],
		],
	);
	assert.deepEqual(installSteps(RECIPE, "thing", { CURDIR: "/recipes/thing" }), [
		{ kind: "folder", path: "/etc" },
		{ kind: "folder", path: "/usr/bin" },
		{ kind: "file", path: "/etc/thing.conf", source: "/recipes/thing/files/thing.conf", mode: 0o600 },
		{ kind: "file", path: "/usr/bin/thing", source: "./thing", mode: 0o755 },
		{ kind: "file", path: "/etc/notes", source: "./notes", mode: 0o644 },
		{ kind: "link", path: "/usr/bin/other", target: "thing" },
	]);
});

test("a block has what the blocks that it calls have; its own assignment, which is later, counts", () => {
	assert.deepEqual(
		[...packageFields(RECIPE, "small")],
		[
			["SECTION", "net"],
			["TITLE", "A small thing"],
		],
	);
	assert.deepEqual(installSteps(RECIPE, "small", {}), [
		{ kind: "folder", path: "/etc" },
		{ kind: "link", path: "/usr/bin/small", target: "thing" },
	]);
});

test("what is missing or not understood is named", () => {
	assert.throws(() => variable(RECIPE, "PKG_VERSION"), /does not set PKG_VERSION/);
	assert.throws(() => block(RECIPE, "Package/thing/conffiles"), /no block Package\/thing\/conffiles/);
	assert.throws(() => installSteps(RECIPE, "odd", {}), /Package\/odd\/install: cannot read "cp -r/);
	assert.throws(() => installSteps(RECIPE, "unset", {}), /\$\(NOWHERE\), which nothing sets/);
	assert.throws(
		() => packageFields(parseRecipe("define Package/x\n  TITLE+= y\nendef"), "x"),
		/Package\/x: cannot read/,
	);
	assert.throws(() => block(parseRecipe("define Package/x\n  $(call Y)\nendef"), "Package/x"), /no block Y/);
});

test("the recipe has the version of package.json", () => {
	const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
	assert.equal(
		variable(parseRecipe(read("openwrt/mqttd/Makefile")), "PKG_VERSION"),
		JSON.parse(read("package.json")).version,
	);
});
