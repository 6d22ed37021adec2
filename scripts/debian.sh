# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For scripts that fetch from Debian without installing and without root. To be sourced by bash with
#
#     $dir    the folder that is filled; apt keeps its state in $dir/apt, which they remove at their end
#
# and "set -euo pipefail". The mirror is the one that this machine's apt uses.

. /etc/os-release
suite_here=${VERSION_CODENAME:-bookworm}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# find_site: what says where Debian is; ends the script if nobody knows
find_site()
{
	site=$(apt-get indextargets --format '$(REPO_URI) $(LABEL) $(CODENAME)' "Created-By: Packages" |
		awk -v c="$suite_here" '$2 == "Debian" && $3 == c { print $1; exit }')
	[ -n "$site" ] || {
		echo "${0##*/}: apt knows no Debian mirror for $suite_here (run: apt-get update)" >&2
		exit 1
	}
}

# apt for one suite, with a state of its own that says nothing is installed: apt_in SUITE[:ARCHITECTURE] ARGUMENT...
apt_in()
{
	local suite=${1%:*} arch=${1#*:} state=$dir/apt/$1 backports=
	[ "$arch" != "$1" ] || arch=$(dpkg --print-architecture)
	# Only our own architecture's are wanted
	[ "$1" != trixie ] || backports=trixie-backports
	shift
	[ -n "${site:-}" ] || find_site
	if [ ! -d "$state" ]; then
		mkdir -p "$state"/{etc/preferences.d,etc/apt.conf.d,etc/trusted.gpg.d,lists/partial,archives/partial}
		: >"$state/status"
		printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$site" "$suite" >"$state/etc/sources.list"
		[ -z "$backports" ] ||
			printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$site" "$backports" \
				>>"$state/etc/sources.list"
		apt_in "${state##*/}" update -qq
	fi
	apt-get -o Dir::Etc="$state/etc" -o Dir::Etc::sourceparts=/dev/null -o Dir::State="$state" \
		-o Dir::State::status="$state/status" -o Dir::Cache="$state" -o Dir::Cache::archives="$state/archives" \
		-o APT::Architecture="$arch" -o APT::Architectures="$arch" \
		-o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 -o APT::Install-Recommends=0 "$@"
}

# unpack SUITE ROOT: everything that apt has fetched, into the folder ROOT
unpack()
{
	local deb
	mkdir -p "$2"
	# Debian 13 has these as links; the packages rely on it
	for d in bin sbin lib lib64; do
		mkdir -p "$2/usr/$d"
		[ -e "$2/$d" ] || ln -s "usr/$d" "$2/$d"
	done
	for deb in "$dir/apt/$1/archives"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -C "$2" -x --keep-directory-symlink --no-same-owner
	done
}

