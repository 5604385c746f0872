"""Provisions an Active Directory domain (Samba) into a directory and adds the accounts that the tests bind with.

usage: samba-ad-provision.py DIRECTORY < settings.json

Does nothing when DIRECTORY exists; of several at the same time, one provisions and the others wait for it.
"""
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB


def provision(directory, settings):
    command = [
        'samba-tool', 'domain', 'provision', '--targetdir=' + directory, '--realm=' + settings['realm'],
        '--domain=' + settings['domain'], '--host-name=' + settings['hostName'], '--host-ip=127.0.0.1',
        '--server-role=dc', '--dns-backend=SAMBA_INTERNAL', '--adminpass=' + settings['adminPassword'],
    ]
    # The second try is for filesystems and containers without security xattrs.
    for extra in [[], ['--option=posix:eadb=' + directory + '/eadb.tdb']]:
        shutil.rmtree(directory, ignore_errors=True)
        os.mkdir(directory, 0o700)
        done = subprocess.run(command + extra, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode == 0:
            return
    sys.exit('samba-tool: ' + done.stderr[-2000:])


def windows_time(seconds):
    return str(int((seconds + 11644473600) * 10**7))


def add_accounts(directory, password):
    configuration = LoadParm()
    configuration.load(directory + '/etc/smb.conf')
    sam = SamDB(url=directory + '/private/sam.ldb', session_info=system_session(), lp=configuration)
    base = str(sam.get_default_basedn())
    now, day = time.time(), 86400

    def change(dn, controls=(), **attributes):
        message = ldb.Message(ldb.Dn(sam, dn))
        for name, value in attributes.items():
            message[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
        sam.modify(message, controls=list(controls))

    def add(name, controls=(), **attributes):
        sam.newuser(name, password)
        dn = 'CN=%s,CN=Users,%s' % (name, base)
        # 66048: a normal account whose password does not expire, because this directory is kept for months.
        change(dn, controls, **{'userAccountControl': '66048', **attributes})

    lockout = {'lockoutThreshold': '3', 'lockoutDuration': '-18000000000', 'lockOutObservationWindow': '-18000000000'}
    change(base, **lockout)
    add('svc-audit')
    add('u-disabled', userAccountControl='66050')
    add('u-locked', badPwdCount='3', badPasswordTime=windows_time(now), lockoutTime=windows_time(now + 20 * 365 * day))
    add('u-expired', accountExpires=windows_time(now - day))
    add('u-mustchange', userAccountControl='512', pwdLastSet='0')
    add('u-hours', logonHours=b'\0' * 21)
    add('u-workstation', userWorkstations='SOMEOTHERHOST')
    # An old pwdLastSet is refused unless this control makes the password_hash module accept it.
    bypass = 'local_oid:1.3.6.1.4.1.7165.4.3.20:0'
    add('u-pwexpired', [bypass], userAccountControl='512', pwdLastSet=windows_time(now - 90 * day))


def main():
    target = sys.argv[1]
    settings = json.load(sys.stdin)
    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    with open(target + '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(target):
            return
        draft = target + '.draft'
        provision(draft, settings)
        add_accounts(draft, settings['userPassword'])
        os.rename(draft, target)


main()
