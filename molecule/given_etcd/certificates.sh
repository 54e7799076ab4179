#!/bin/sh
# Makes the certificates of somebody else's etcd in a directory: certificates.sh DIRECTORY ADDRESS…, or with no address the client's alone, anew.
# A key of an elliptic curve, unlike ours: in the older form, which kubeadm passes on to control planes that join.
set -eu
directory=$1
shift
mkdir -p "$directory"
cd "$directory"
umask 077
sign() { # NAME SUBJECT EXTENSIONS
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  printf '%s\n' "$3" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
}
if [ $# -gt 0 ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out ca.key
  openssl req -x509 -new -key ca.key -subj "/CN=somebody else" -days 30 -out ca.crt
  sans=""
  for address; do sans="${sans:+$sans,}IP:$address"; done
  sign server /CN=store "subjectAltName=$sans,IP:127.0.0.1
extendedKeyUsage=serverAuth,clientAuth"
fi
sign client /CN=kubernetes "extendedKeyUsage=clientAuth"
