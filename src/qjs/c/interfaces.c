/*
 * Addresses of a network interface. Without netlink, which getifaddrs() would use, as that hangs under user-mode emulation:
 * IPv4 by ioctl(), IPv6 from /proc.
 */

#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host.h"

/* Addresses of one interface that are looked at, at most; and of all interfaces together. */
enum { ADDRESSES = 64, ALL_ADDRESSES = 1024 };

typedef char address_text[64 + IF_NAMESIZE];

static int add_ipv4(const char *name, address_text *found, int count)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return count;
	struct ifreq *entries = host_alloc(ALL_ADDRESSES * sizeof *entries);
	struct ifconf list = { .ifc_len = (int)(ALL_ADDRESSES * sizeof *entries) };
	list.ifc_req = entries;
	if (ioctl(fd, SIOCGIFCONF, &list) == 0) {
		int all = list.ifc_len / (int)sizeof *entries;
		for (int i = 0; i < all && count < ADDRESSES; i++) {
			struct sockaddr_storage address = { 0 };
			memcpy(&address, &entries[i].ifr_addr, sizeof entries[i].ifr_addr);
			if (strncmp(entries[i].ifr_name, name, IFNAMSIZ) != 0 || address.ss_family != AF_INET)
				continue;
			host_address_text(&address, found[count++], sizeof *found);
		}
	}
	free(entries);
	close(fd);
	return count;
}

/* Takes a line `ADDRESS INDEX PREFIX SCOPE FLAGS NAME`, the first five in hexadecimal; false when it is not of `name`. */
static bool parse_ipv6(char *line, const char *name, struct sockaddr_in6 *address)
{
	char *rest;
	const char *digits = strtok_r(line, " \n", &rest), *owner = digits;
	for (int field = 0; owner && field < 5; field++)
		owner = strtok_r(NULL, " \n", &rest);
	if (!owner || strcmp(owner, name) != 0 || strlen(digits) != 32)
		return false;
	for (int i = 0; i < 16; i++) {
		char octet[] = { digits[2 * i], digits[2 * i + 1], '\0' };
		address->sin6_addr.s6_addr[i] = (uint8_t)strtoul(octet, NULL, 16);
	}
	return true;
}

static int add_ipv6(const char *name, address_text *found, int count)
{
	FILE *file = fopen("/proc/net/if_inet6", "re");
	if (!file)
		return count;
	char line[256];
	while (count < ADDRESSES && fgets(line, sizeof line, file)) {
		struct sockaddr_in6 address = { .sin6_family = AF_INET6 };
		if (!parse_ipv6(line, name, &address))
			continue;
		char *text = found[count++];
		uv_ip6_name(&address, text, sizeof *found);
		/* The same link-local address may be on any link. */
		if (IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr))
			snprintf(text + strlen(text), sizeof *found - strlen(text), "%%%s", name);
	}
	fclose(file);
	return count;
}

/* interfaceAddresses(name): string[] */
static JSValue interfaces_addresses(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const char *name = host_string(argv[0]);
	if (!name)
		return JS_EXCEPTION;
	if (strlen(name) >= IF_NAMESIZE || if_nametoindex(name) == 0) {
		JS_FreeCString(ctx, name);
		return host_throw(UV_ENODEV);
	}
	address_text found[ADDRESSES];
	int count = add_ipv6(name, found, add_ipv4(name, found, 0));
	JS_FreeCString(ctx, name);
	JSValue list = JS_NewArray(ctx);
	for (int i = 0; i < count; i++)
		JS_DefinePropertyValueUint32(ctx, list, (uint32_t)i, JS_NewString(ctx, found[i]), JS_PROP_C_W_E);
	return list;
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("interfaceAddresses", 1, interfaces_addresses),
};

const host_module interfaces_module = { functions, COUNT(functions), NULL, NULL, NULL };
