#!/usr/bin/env bash
# Boots a Debian of its own in a virtual machine and has it run a command, as root in a clone of what is committed here, then
# looks for what the command has left. Such a machine has cgroup version 2 alone, and overlay as a module that is not loaded
# yet; containers and many small machines have neither. It has no network: packages are put on its disk, Go, its caches and
# the programs that are built come from this machine. Needs root, 6 GB of memory and 20 GB in TMPDIR.
#
#   hack/fresh-machine.sh                                   # make run, status and down
#   SUITE=trixie hack/fresh-machine.sh make test-cluster    # another Debian, another command
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/lib.sh
source "$root/hack/lib.sh"
SUITE=${SUITE:-bookworm}
MEMORY=${MEMORY:-6G}
task=${*:-make run DETACH=1 && make status && make down}
packages=(systemd-sysv linux-image-amd64 make git ca-certificates kmod procps
	containerd runc conntrack iptables iproute2 containernetworking-plugins busybox-static)
# Debian's containerd loads overlay; the others come and go while is compared what there is.
masked=(containerd.service getty.target timers.target e2scrub_reap.service)

needs() {
	local program
	[[ $(id -u) == 0 && $(uname -m) == x86_64 ]] || die "making the machine's disk needs root, and a machine with amd64"
	for program in debootstrap qemu-system-x86_64 mkfs.ext4; do
		command -v "$program" >/dev/null || die "no $program here: apt-get install debootstrap qemu-system-x86 e2fsprogs"
	done
}

# build_here has what `make run` builds ready: without hardware's help the machine would need hours for it.
build_here() {
	local exports
	exports=$("$root/hack/binaries.sh" operator cluster kube s3)
	eval "$exports"
	"$CLUSTER_BINARY" --home "$CACHE" images --operator "$OPERATOR_BINARY" >/dev/null
}

# what_the_machine_does is its only program.
what_the_machine_does() {
	cat <<-END
		#!/bin/bash
		export HOME=/root USER=root PATH=$(go env GOROOT)/bin:\$PATH GOPROXY=off GOTOOLCHAIN=local
		export GOCACHE=$(go env GOCACHE) GOMODCACHE=$(go env GOMODCACHE)
		machine() {
			udevadm settle
			find /sys/fs/cgroup -type d
			cut -d' ' -f5- /proc/self/mountinfo
			ip -o link
			iptables-save | sed 's/^#.*//; s/\[.*//'
			ps --ppid 2 -p 2 --deselect -o comm | grep -vE '^(ps|grep|task|.*udev-worker.*)$' | sort
		}
		systemctl is-system-running --wait >/dev/null
		echo "\$(. /etc/os-release; echo "\$PRETTY_NAME"), kernel \$(uname -r), \$(stat -fc %T /sys/fs/cgroup)," \\
			"overlay \$(grep -q overlay /proc/filesystems && echo is loaded || echo is not loaded)"
		machine >/before
		(cd /repository && bash -c $(printf %q "$task"))
		rc=\$?
		machine >/after
		diff /before /after && echo "nothing is left behind" || rc=1
		echo "fresh machine: exit code \$rc"
	END
}

# mirror is where this machine has Debian from, if it is one; debootstrap knows another.
mirror() {
	# shellcheck disable=SC2016 # it is apt that replaces it
	apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 2>/dev/null | awk 'NR == 1' || true
}

# make_root puts together what is on the machine's own disk.
make_root() {
	local tree=$1 unit name from
	from=$(mirror)
	# In a mount namespace of its own, as it mounts /proc there.
	with_heartbeat "installing Debian $SUITE" unshare --mount debootstrap --variant=minbase \
		--include="$(IFS=,; echo "${packages[*]}")" "$SUITE" "$tree" ${from:+"$from"} >"$work/log" ||
		die "installing Debian $SUITE: $(tail -n 3 "$work/log")"
	rm -f "$tree"/var/cache/apt/archives/*.deb
	git clone -q --depth 1 "file://$root" "$tree/repository"
	mkdir -p "$tree/root/.cache/cluster-image-registry-operator"
	for name in host bin images; do cp -a "$CACHE/$name" "$tree/root/.cache/cluster-image-registry-operator/"; done
	for unit in "${masked[@]}"; do ln -sf /dev/null "$tree/etc/systemd/system/$unit"; done
	what_the_machine_does >"$tree/task"
	chmod +x "$tree/task"
	cat >"$tree/etc/systemd/system/task.service" <<-END
		[Unit]
		SuccessAction=poweroff
		FailureAction=poweroff
		[Service]
		ExecStart=/task
		StandardOutput=tty
		StandardError=tty
		TTYPath=/dev/ttyS0
	END
	echo "LABEL=root / ext4 defaults 0 0" >"$tree/etc/fstab"
	for name in GOROOT GOCACHE GOMODCACHE; do
		echo "LABEL=$name $(go env "$name") ext4 defaults 0 0" >>"$tree/etc/fstab"
		mkdir -p "$tree$(go env "$name")"
	done
}

# make_disk NAME FOLDER writes a disk with what is in a folder. The file takes no more than that.
make_disk() {
	with_heartbeat "writing the disk $1" mkfs.ext4 -q -L "$1" -O ^has_journal -d "$2" "$work/$1.disk" 20G >/dev/null
	disks+=(-drive "file=$work/$1.disk,format=raw,if=virtio,cache=unsafe")
}

needs
work=$(mktemp -d "${TMPDIR:-/tmp}/fresh-machine.XXXXXX")
trap 'rm -rf "$work"' EXIT
disks=()
build_here
make_root "$work/tree"
make_disk root "$work/tree"
# Each under the path it has here, by which Go finds what it has compiled.
for name in GOROOT GOCACHE GOMODCACHE; do make_disk "$name" "$(go env "$name")"; done
mv "$work"/tree/boot/vmlinuz-* "$work/vmlinuz"
mv "$work"/tree/boot/initrd.img-* "$work/initrd"
rm -rf "$work/tree"
# There may be a /dev/kvm that runs special kernels only.
accelerator=tcg
! grep -qwE 'vmx|svm' /proc/cpuinfo || [[ ! -w /dev/kvm ]] || accelerator=kvm
say "starting the machine with $accelerator"
qemu-system-x86_64 -accel "$accelerator" -cpu max,la57=off -smp 2 -m "$MEMORY" -nic none "${disks[@]}" \
	-display none -serial stdio -no-reboot </dev/null -kernel "$work/vmlinuz" -initrd "$work/initrd" \
	-append "console=ttyS0 root=LABEL=root quiet systemd.show_status=no fsck.mode=skip systemd.wants=task.service" |
	sed -u 's/\r//' | tee "$work/log"
grep -qx 'fresh machine: exit code 0' "$work/log" || die "the machine's task failed"
