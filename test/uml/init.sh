#!/bin/sh
# The first process of the kernel that boot.ts starts; NODE and SCENARIO come from that kernel's command line.
# The root is this machine's, read-only: what is written goes to memory.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /mnt
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# modprobe wants the modules of a kernel below lib/modules.
mkdir -p /run/lib/modules
ln -s "/usr/lib/uml/modules/$(uname -r)" /run/lib/modules/
for module in overlay ipv6 veth bridge ipip vxlan tun sch_netem nf_conntrack; do
  modprobe -d /run "$module" || echo "there is no module $module"
done
ip link set lo up
"$NODE" --disable-warning=ExperimentalWarning "$SCENARIO"
echo o > /proc/sysrq-trigger
# A first process that ends is a panic.
sleep 60
