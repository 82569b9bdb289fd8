# A stand-in for OpenWrt's include/package.mk, for tests: what it does for a recipe with variants, in its order. It fetches and
# unpacks the source, configures and compiles once for each variant, and makes the packages: what is installed, stripped, as a
# folder bin/NAME, and beside it what a real one would hand to the packer: NAME.control (opkg) and NAME.apk (of apk mkpkg).

PKG_BUILD_DIR?=$(BUILD_DIR)/$(if $(BUILD_VARIANT),$(PKG_NAME)-$(BUILD_VARIANT)/)$(PKG_NAME)-$(PKG_VERSION)
PKG_INSTALL_DIR=$(PKG_BUILD_DIR)/ipkg-install
VERSION=$(PKG_VERSION)-r$(PKG_RELEASE)

define Build/Prepare/Default
	tar -C $(PKG_BUILD_DIR) --strip-components=1 -xf $(DL_DIR)/$(PKG_SOURCE)
endef

# Those that a recipe does not define.
define Build/Prepare
	$(call Build/Prepare/Default)
endef
define Build/Configure
	$(call Build/Configure/Default)
endef
define Build/Compile
	$(call Build/Compile/Default)
endef
define Build/Install
	$(call Build/Install/Default)
endef

.PHONY: compile

ifeq ($(BUILD_VARIANT),)

# One after another: what they have in common is compiled once then, where there is a cache.
.NOTPARALLEL:

# $(1): name of a package. Its variant is built by a make of its own.
define BuildPackage
$(eval VARIANT:=)
$(eval $(Package/$(1)))
compile: variant-$(VARIANT)
.PHONY: variant-$(VARIANT)
variant-$(VARIANT):
	+$$(MAKE) BUILD_VARIANT=$(VARIANT) compile
endef

else

STAMP_BUILT:=$(PKG_BUILD_DIR)/.built

$(DL_DIR)/$(PKG_SOURCE):
	mkdir -p $(DL_DIR)
	cp $(patsubst file://%,%,$(PKG_SOURCE_URL))/$(PKG_SOURCE) $@
	$(if $(filter skip,$(PKG_HASH)),,echo "$(PKG_HASH)  $@" | sha256sum -c -)

$(STAMP_BUILT): $(DL_DIR)/$(PKG_SOURCE)
	rm -rf $(PKG_BUILD_DIR)
	mkdir -p $(PKG_BUILD_DIR)
	$(Build/Prepare)
	$(Build/Configure)
	$(Build/Compile)
	$(Build/Install)
	touch $@

comma:=,
empty:=
space:=$(empty) $(empty)
list=$(subst $(space),$(comma)$(space),$(strip $(1)))
# A provided name without alternatives is owned, with a version; one with alternatives, or with @, is not.
provided=$(foreach each,$(1),$(if $(or $(ALTERNATIVES),$(filter @%,$(each))),$(patsubst @%,%,$(each)),$(each)=$(VERSION)))

# $(1): name of a package, $(2): a script. It is written as make expands it, which is once.
define PackageScript
ifdef Package/$(1)/$(2)
export SCRIPT_$(subst -,_,$(1))_$(2):=$$(Package/$(1)/$(2))
scripts-$(1)::
	@mkdir -p $(BIN_DIR)
	echo "$$$$SCRIPT_$(subst -,_,$(1))_$(2)" >$(BIN_DIR)/$(1).$(2)-pkg
	chmod 0755 $(BIN_DIR)/$(1).$(2)-pkg
endif
endef

define BuildPackage
$(foreach field,VARIANT DEPENDS PROVIDES CONFLICTS ALTERNATIVES USERID TITLE,$(eval $(field):=))
$(eval $(Package/$(1)))
ifeq ($(VARIANT),$(BUILD_VARIANT))
$(foreach script,postinst prerm,$(eval $(call PackageScript,$(1),$(script))))
compile: package-$(1)
.PHONY: package-$(1) scripts-$(1)
scripts-$(1)::
package-$(1): $(STAMP_BUILT) scripts-$(1)
	rm -rf $(BIN_DIR)/$(1)
	mkdir -p $(BIN_DIR)/$(1)
	$(call Package/$(1)/install,$(BIN_DIR)/$(1))
	find $(BIN_DIR)/$(1) -type f -perm /111 | while read -r file; do $(TARGET_CROSS)strip "$$$$file" 2>/dev/null || true; done
	for path in $(strip $(Package/$(1)/conffiles)); do \
		test -f $(BIN_DIR)/$(1)$$$$path || { mkdir -p $(BIN_DIR)/$(1)/lib/upgrade/keep.d; \
			echo $$$$path >>$(BIN_DIR)/$(1)/lib/upgrade/keep.d/$(1); }; \
	done
	printf '%s\n' 'Package: $(1)' 'Version: $(VERSION)' 'Depends: libc, $(call list,$(patsubst +%,%,$(DEPENDS)))' \
		'Conflicts: $(call list,$(CONFLICTS))' 'Provides: $(call list,$(PROVIDES))' \
		'Alternatives: $(call list,$(ALTERNATIVES))' 'License: $(PKG_LICENSE)' 'Require-User: $(USERID)' \
		'Architecture: $(ARCH_PACKAGES)' 'Description: $(TITLE)' >$(BIN_DIR)/$(1).control
	printf '%s\n' 'name:$(1)' 'version:$(VERSION)' 'depends:libc $(patsubst +%,%,$(DEPENDS))' \
		'provides:$(call provided,$(PROVIDES))' 'arch:$(ARCH_PACKAGES)' 'license:$(PKG_LICENSE)' \
		'description:$(TITLE)' >$(BIN_DIR)/$(1).apk
endif
endef

endif
