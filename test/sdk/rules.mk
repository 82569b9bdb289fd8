# A stand-in for the top of OpenWrt's SDK: names of folders, tools and packages that recipes rely on. What the SDK is for comes
# from target.mk, as from .config in a real one: ARCH_PACKAGES, TARGET_CROSS, TARGET_CFLAGS, CONFIG_BIG_ENDIAN.

include $(TOPDIR)/target.mk

INCLUDE_DIR:=$(TOPDIR)/include
DL_DIR:=$(TOPDIR)/dl
BUILD_DIR:=$(TOPDIR)/build_dir
BIN_DIR:=$(TOPDIR)/bin
STAGING_DIR:=$(TOPDIR)/staging_dir/target

HOSTCC:=gcc
TARGET_CC:=$(TARGET_CROSS)gcc

INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_CONF:=install -m0600
INSTALL_DATA:=install -m0644
LN:=ln -sf
CP:=cp -fpR
