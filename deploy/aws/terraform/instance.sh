#!/bin/sh
# First start of the instance: mount both volumes, made where they are empty, then join the cluster. A template of
# Terraform: what stands in $${...} there is the shell's own.
set -eu

mount_at() { # mount_at VOLUME PLACE
    device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_$(echo "$1" | tr -d -)
    until [ -e "$device" ]; do sleep 1; done
    blkid "$device" || mkfs.ext4 "$device"
    mkdir -p "$2"
    grep -q " $2 " /etc/fstab || echo "$device $2 ext4 defaults,nofail 0 2" >>/etc/fstab
    # What lies underneath stays root's: where the disk is not mounted no task can write, and so acknowledge, anything.
    mountpoint -q "$2" || mount "$2"
    chown 10001:10001 "$2"
    chmod 0700 "$2"
}

mount_at ${home_volume} /var/lib/flux
mount_at ${log_volume} /var/lib/flux/log
rmdir /var/lib/flux/log/lost+found /var/lib/flux/lost+found 2>/dev/null || true
echo "ECS_CLUSTER=${cluster}" >>/etc/ecs/ecs.config
