#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Keys and certificates for GlusterFS. A key is made where it is used, and never leaves that host; what is printed is public.
#   tls.sh look DIRECTORY NAME DAYS [AUTHORITY] is a certificate wanted? prints `fine`, or why not; with the directory of
#                                               an authority also what `authorities` prints
#   tls.sh authorities DIRECTORIES AUTHORITY    whom this host trusts, by glusterfs.ca, and whom it signs for: fingerprints
#   tls.sh request DIRECTORY NAME               makes the key where there is none, and prints a request for NAME
#   tls.sh sign DIRECTORY NAME DAYS             on the host of the authority: the request on stdin becomes a certificate,
#                                               printed with the authority's own behind it
#   tls.sh keep DIRECTORY NAME                  that, on stdin, becomes glusterfs.pem and glusterfs.ca; prints what changed
#   tls.sh give DIRECTORY NAME                  key, certificate and authority that were made elsewhere, a line of base64 each on
#                                               stdin, become the three files, or none of them does; exits with 10 if it changed any
#   tls.sh compare DIRECTORY NAME               the same, and changes nothing
set -eu
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
do=$1 dir=$2 name=$3 days=${4:-0}

refuse() { echo "$*" >&2; exit 1; }
# So that the traps on exit remove what they have to.
trap 'exit 1' HUP INT TERM

# Of every certificate in a file.
fingerprints() { # FILE
    [ -s "$1" ] || return 0
    awk '/-----BEGIN .*CERTIFICATE-----/ {on = 1; body = ""; next} /-----END/ {if (on) print body; on = 0} on {gsub(/[ \t\r]/, ""); body = body $0}' "$1" |
        while read -r body; do printf %s "$body" | base64 -d | sha256sum | cut -c1-64; done
}
authorities() { # DIRECTORIES AUTHORITY
    trusts=''
    for each in $1; do trusts="$trusts $(fingerprints "$each/glusterfs.ca" | tr '\n' ' ')"; done
    echo "trusts=$trusts"
    echo "signs=$(fingerprints "$2/ca.pem" | head -n 1)"
    echo "end="
}

# Why a certificate does not do, or nothing when it does.
why_not() { # CERTIFICATE AUTHORITY KEY
    [ -s "$1" ] && [ -s "$2" ] || { echo "there is none"; return; }
    [ "$(openssl x509 -in "$1" -noout -subject -nameopt sep_multiline,lname 2>/dev/null | sed -n 's/^ *commonName=//p')" = "$name" ] ||
        { echo "it is not for $name"; return; }
    openssl verify -CAfile "$2" "$1" >/dev/null 2>&1 || { echo "the authority beside it has not signed it, or it has expired"; return; }
    openssl x509 -in "$1" -noout -checkend $((days * 86400)) >/dev/null || { echo "it expires within $days days"; return; }
    [ "$(openssl x509 -in "$1" -noout -pubkey)" = "$(openssl pkey -in "$3" -pubout 2>/dev/null)" ] || echo "it is not for the key beside it"
}

case $do in
look)
    if [ -s "$dir/glusterfs.key" ]; then
        why=$(why_not "$dir/glusterfs.pem" "$dir/glusterfs.ca" "$dir/glusterfs.key")
    else
        why="there is no key"
    fi
    echo "${why:-fine}"
    [ -z "${5:-}" ] || authorities "$dir" "$5"
    ;;
authorities)
    authorities "$dir" "$name"
    ;;
request)
    mkdir -p "$dir"
    if ! openssl pkey -in "$dir/glusterfs.key" -noout 2>/dev/null; then
        [ ! -s "$dir/glusterfs.key" ] || refuse "$dir/glusterfs.key is no key that openssl can read; move it away"
        openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$dir/glusterfs.key.new" 2>/dev/null ||
            openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$dir/glusterfs.key.new" 2>/dev/null
        sync "$dir/glusterfs.key.new"
        mv "$dir/glusterfs.key.new" "$dir/glusterfs.key"
    fi
    openssl req -new -key "$dir/glusterfs.key" -subj "/CN=$name"
    ;;
sign)
    mkdir -p "$dir"
    exec 9>"$dir/lock" && flock 9
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cat >"$work/request"
    asked=$(openssl req -in "$work/request" -verify -noout -subject -nameopt sep_multiline,lname 2>/dev/null | sed -n 's/^ *commonName=//p')
    [ "$asked" = "$name" ] || refuse "the request is for '$asked' and not for '$name'"
    if [ ! -s "$dir/ca.pem" ]; then
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$work/key" 2>/dev/null
        openssl req -new -x509 -key "$work/key" -sha256 -days 7300 -subj "/CN=GlusterFS pool $(cat /proc/sys/kernel/random/uuid)" \
            -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign -out "$work/ca"
        sync "$work/key" "$work/ca"
        # The certificate last: an authority without it is made anew.
        cp "$work/key" "$dir/ca.key" && cp "$work/ca" "$dir/ca.pem.new" && sync "$dir/ca.key" "$dir/ca.pem.new" && mv "$dir/ca.pem.new" "$dir/ca.pem"
    fi
    printf 'basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n' >"$work/extensions"
    # Clocks differ a little.
    openssl x509 -req -in "$work/request" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -set_serial "0x$(openssl rand -hex 16)" -sha256 -days "$days" \
        -extfile "$work/extensions" 2>/dev/null
    cat "$dir/ca.pem"
    ;;
keep)
    mkdir -p "$dir"
    work=$(mktemp -d "$dir/.glusterfs.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    awk -v work="$work" '/BEGIN CERTIFICATE/ {n++} n {print > (work "/" (n == 1 ? "pem" : "ca"))}'
    why=$(why_not "$work/pem" "$work/ca" "$dir/glusterfs.key")
    [ -z "$why" ] || refuse "the certificate that came back cannot be used: $why"
    chmod 0644 "$work/pem" "$work/ca"
    for kind in ca pem; do
        cmp -s "$work/$kind" "$dir/glusterfs.$kind" && continue
        sync "$work/$kind"
        mv "$work/$kind" "$dir/glusterfs.$kind"
        echo "$dir/glusterfs.$kind"
    done
    ;;
give | compare)
    beside=/run
    if [ "$do" = give ]; then
        mkdir -p "$dir"
        beside=$dir
    fi
    work=$(mktemp -d "$beside/.glusterfs.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    for kind in key pem ca; do
        read -r text
        printf %s "$text" | base64 -d >"$work/$kind"
    done
    why=$(why_not "$work/pem" "$work/ca" "$work/key")
    [ -z "$why" ] || refuse "$why"
    chmod 0644 "$work/pem" "$work/ca"
    chown root:root "$work/key" "$work/pem" "$work/ca"
    changed=''
    for kind in ca key pem; do
        cmp -s "$work/$kind" "$dir/glusterfs.$kind" &&
            [ "$(stat -Lc %u:%g:%a "$work/$kind")" = "$(stat -Lc %u:%g:%a "$dir/glusterfs.$kind")" ] || changed="$changed $kind"
    done
    [ -n "$changed" ] || exit 0
    if [ "$do" = give ]; then
        # All of them are on the disk before the first one is moved.
        sync "$work/key" "$work/pem" "$work/ca"
        for kind in $changed; do mv "$work/$kind" "$dir/glusterfs.$kind"; done
    fi
    exit 10
    ;;
esac
