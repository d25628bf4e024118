//! What the chat's screen says.

super::words! {
    ONLINE: "online", "en ligne";
    CONNECTING: "connecting…", "connexion…";
    OFFLINE: "offline, tries again by itself; what you write is kept", "hors ligne, réessaie de lui-même ; ce que vous écrivez est gardé";
    STOPPED: "stopped: {0}", "arrêté : {0}";
    CONVERSATIONS: "Conversations", "Conversations";
    MEMBERS: "Members ({0})", "Membres ({0})";
    NOBODY: "No conversation yet. /pair Anne or /group Name: Anne, Bảo begins one.",
        "Aucune conversation. /pair Anne ou /group Nom: Anne, Bảo en ouvre une.";
    EMPTY: "Nothing was said here yet.", "Rien n'a encore été dit ici.";
    WRITE: "Write, or /help", "Écrivez, ou /help";
    OLDER: "↑ more above", "↑ suite au-dessus";
    NEWER: "↓ more below", "↓ suite en dessous";
    FOOTER: "Enter send · Alt-Enter new line · Alt-↑↓ conversation · Shift-↑↓ message · PgUp/PgDn scroll · F2 members · F1 help · Ctrl-Q quit",
        "Entrée envoyer · Alt-Entrée à la ligne · Alt-↑↓ conversation · Maj-↑↓ message · PgPréc/PgSuiv défiler · F2 membres · F1 aide · Ctrl-Q quitter";
    USAGE: "Like this: {0}", "Ainsi : {0}";
    UNKNOWN_COMMAND: "{0} is no command; /help lists them", "{0} n'est pas une commande ; /help les énumère";
    TOO_LONG: "A text has {0} bytes at most", "Un texte a au plus {0} octets";
    NO_MESSAGE: "Choose a message with Shift-↑ first", "Choisissez d'abord un message avec Maj-↑";
    NO_CONVERSATION: "Choose a conversation with Alt-↓ first", "Choisissez d'abord une conversation avec Alt-↓";
    HELP_TITLE: "Help (Esc closes)", "Aide (Échap ferme)";
    MORE: "↓ more", "↓ suite";
    HELP: "/add A, B        adds people\n/remove A        removes people\n/promote A       makes admin\n/demote A        makes member\n/rename NAME     renames the group\n/leave           leaves the group\n/pair A          opens a pair\n/group N: A, B   makes a group\n/reply TEXT      answers the chosen message, or the last\n/react 👍        reacts to it; without emoji, takes it back\n/edit TEXT       edits the chosen own message, or the last\n/delete          deletes the chosen message\n/mute HOURS      mutes; 0 unmutes\n/quit            quits\n@name Tab        completes a mention",
        "/add A, B        ajoute des personnes\n/remove A        retire des personnes\n/promote A       nomme admin\n/demote A        nomme membre\n/rename NOM      renomme le groupe\n/leave           quitte le groupe\n/pair A          ouvre une paire\n/group N: A, B   crée un groupe\n/reply TEXTE     répond au message choisi, ou au dernier\n/react 👍        y réagit ; sans emoji, la retire\n/edit TEXTE      modifie son message choisi, ou le dernier\n/delete          supprime le message choisi\n/mute HEURES     rend muet ; 0 annule\n/quit            quitte\n@nom Tab         complète une mention";
}
