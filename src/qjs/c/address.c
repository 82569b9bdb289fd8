/* Numeric addresses to and from text. */

#include <string.h>

#include "host.h"

int host_address(const char *text, int port, struct sockaddr_storage *storage)
{
	memset(storage, 0, sizeof *storage);
	if (uv_ip4_addr(text, port, (struct sockaddr_in *)storage) == 0)
		return 0;
	return uv_ip6_addr(text, port, (struct sockaddr_in6 *)storage);
}

int host_address_text(const struct sockaddr_storage *storage, char *text, size_t size)
{
	text[0] = '\0';
	if (storage->ss_family == AF_INET6) {
		const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)storage;
		uv_ip6_name(address, text, size);
		return ntohs(address->sin6_port);
	}
	const struct sockaddr_in *address = (const struct sockaddr_in *)storage;
	uv_ip4_name(address, text, size);
	return ntohs(address->sin_port);
}
