# SPDX-License-Identifier: GPL-2.0-only
# What arm64's machine has otherwise than selftests/vm/devices says. The kernel's
# SMMUv3 driver refuses a second device behind a bridge that gives all of them one
# stream. Two functions of one device have a stream each, and are in one group too.
/pcie-pci-bridge/d
s|02\.0/00\.0/01\.0|02.0/00.0|
s|02\.0/00\.0/02\.0|02.0/00.1|
s|id=ivshmem-hot-a|&,multifunction=on|
