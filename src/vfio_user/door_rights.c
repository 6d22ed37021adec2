/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may open a group, by the rights of its node.
 * Behaviour: Linux 6.1 fs/namei.c (acl_permission_check(), generic_permission()).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio_user/door_client.h"

#define USUAL_GROUPS 32
#define MAY_READ     4u
#define MAY_WRITE    2u

/*
 * The additional groups of the peer, into @usual or into memory to free(). Return: how many,
 * -errno.
 */
static int read_groups(int fd, gid_t usual[USUAL_GROUPS], gid_t **out)
{
	socklen_t len = USUAL_GROUPS * sizeof(gid_t);

	*out = usual;
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, usual, &len))
		return len / sizeof(gid_t);
	/* They are what they were at connect(), so their number stays. */
	if (errno != ERANGE)
		return -errno;
	*out = zalloc(len);
	if (!*out)
		return -ENOMEM;
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, *out, &len))
		return len / sizeof(gid_t);
	free(*out);
	return -errno;
}

/* Return: 1 the peer is in the group, 0 it is not, -ENOMEM. */
static int in_group(const struct door_client *dc, gid_t gid)
{
	gid_t usual[USUAL_GROUPS], *groups;
	int found, i, n;

	if (dc->gid == gid)
		return 1;
	n = read_groups(dc->fd, usual, &groups);
	if (n < 0)
		return n == -ENOMEM ? n : 0;
	for (i = 0; i < n && groups[i] != gid;)
		i++;
	found = i < n;
	if (groups != usual)
		free(groups);
	return found;
}

int door_rights_check(const struct door_client *dc, const struct stat *st, uint32_t access)
{
	static const unsigned int rights[] = {
		[O_RDONLY] = MAY_READ, [O_WRONLY] = MAY_WRITE, [O_RDWR] = MAY_READ | MAY_WRITE
	};
	unsigned int wanted, granted;
	int member;

	if (access >= ARRAY_SIZE(rights))
		return -EINVAL;
	wanted = rights[access];
	if (dc->uid == 0 || dc->uid == geteuid())
		return 0;
	if (dc->uid == st->st_uid) {
		granted = st->st_mode >> 6;
	} else {
		member = in_group(dc, st->st_gid);
		if (member < 0)
			return member;
		granted = member ? st->st_mode >> 3 : st->st_mode;
	}
	return (granted & wanted) == wanted ? 0 : -EACCES;
}
