# SPDX-License-Identifier: GPL-2.0-only
# bash completion for vfio-dmabuf(8)

_vfio_dmabuf_devices() {
	local dir driver
	for dir in /sys/bus/pci/devices/*; do
		driver=$(readlink "$dir/driver")
		[ ! -e "$dir/dmabuf_mode" ] || driver=vfio-ours
		case $1:${driver##*/} in
		ours:vfio-ours | any:* | \
		vfio:*vfio*)
			echo "${dir##*/}"
			;;
		esac
	done
}

_vfio_dmabuf_buffers() {
	awk 'FNR > 1 && $2 == "export" { print $1 }' \
		/sys/kernel/debug/vfio_pci_dmabuf_mmap/*/buffers 2>/dev/null
}

_vfio_dmabuf() {
	local cur prev words cword command='' choice='' i
	_init_completion -n : || return

	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-*) ;;
		*)
			command=${words[i]}
			break
			;;
		esac
	done

	case $command in
	'')
		mapfile -t COMPREPLY < <(compgen -W \
			'list bind unbind export revoke watch check bench --json --help --version' \
			-- "$cur")
		return
		;;
	esac
	case $prev in
	--bar)
		mapfile -t COMPREPLY < <(compgen -W '0 1 2 3 4 5' -- "$cur")
		return
		;;
	--plot)
		_filedir svg
		return
		;;
	--range | --name | --count | --vf-token | --threads | --samples)
		return
		;;
	esac

	case $command in
	list) choice='--all --json --help '$(_vfio_dmabuf_devices vfio) ;;
	bench)
		choice='--write --restore --reset --threads --samples --plot --json --help '
		choice+=$(_vfio_dmabuf_devices ours)
		;;
	check) choice='--json --help '$(_vfio_dmabuf_devices any) ;;
	bind) choice='--force --dmabuf=mmap --dmabuf=plain --json --help '$(_vfio_dmabuf_devices any) ;;
	unbind) choice='--json --help '$(_vfio_dmabuf_devices ours) ;;
	watch) choice='--count --json --help '$(_vfio_dmabuf_devices ours) ;;
	revoke) choice='--json --help '$(_vfio_dmabuf_buffers) ;;
	export)
		# What follows the device is a command of its own. Unlike words,
		# COMP_WORDS has an address in pieces.
		for ((i = 2; i < COMP_CWORD; i++)); do
			if [[ ${COMP_WORDS[i - 1]} == : &&
				${COMP_WORDS[i]} == ??.[0-7] ]]; then
				[[ ${COMP_WORDS[i + 1]} != -- ]] || i=$((i + 1))
				_command_offset $((i + 1))
				return
			fi
		done
		choice='--bar --range --wc --read-only --name --vf-token --help '
		choice+=$(_vfio_dmabuf_devices vfio)
		;;
	*) return ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$choice" -- "$cur")
	__ltrim_colon_completions "$cur"
}

complete -F _vfio_dmabuf vfio-dmabuf
