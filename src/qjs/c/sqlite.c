/* SQLite in one unit, with what it misses when parts of it are omitted. */

#include "sqlite_options.h"

/* As SQLite has it before it includes anything. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

/* For the names of times in SQL, which nobody asks for. */
#include <time.h>
#define strftime(text, size, format, time) (*(text) = '\0')

#include "sqlite3.c"

/* Of attach.c, which is omitted as a whole: the only database has two names. */
int sqlite3DbIsNamed(sqlite3 *db, int at, const char *name)
{
	return sqlite3StrICmp(db->aDb[at].zDbSName, name) == 0 || (at == 0 && sqlite3StrICmp("main", name) == 0);
}

/* Of VACUUM: what a backup and SQLITE_FCNTL_RESET_CACHE would call. Neither is used. */
void sqlite3PagerClearCache(Pager *pager)
{
}
